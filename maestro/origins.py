"""Origins of pages: the scheme, host and port of a URL as browsers write them."""

from typing import Final
from urllib.parse import urlsplit

_PORTS: Final = {"http": 80, "https": 443}


def origin_of(url: str) -> str | None:
    """Return the origin of a URL, such as `https://ml.example.org`; None for what has none, such as `null` and `*`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if port in (None, _PORTS[parts.scheme]) else f":{port}")


def is_origin(url: str) -> bool:
    """Say whether a URL is nothing more than an origin, perhaps with a slash behind it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_bare = parts.path in ("", "/") and not set("@*") & set(parts.netloc) and not parts.query and not parts.fragment
    return is_bare and origin_of(url) is not None
