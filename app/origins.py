"""Origins: which of them are the server's own, which are allowed beside it, and whether it is reached by HTTPS."""

from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import Scope

from maestro.origins import origin_of
from maestro.settings import Settings

_PLAIN: Final = {"ws": "http", "wss": "https"}
"""Browsers name the origin of the page, which is never one of sockets."""


def is_own_page(connection: HTTPConnection, settings: Settings) -> bool:
    """Say whether a request comes from a page of this server, or of a site that the settings allow.

    Browsers alone set `Sec-Fetch-Site`, where they reach the server by HTTPS or on their own machine; `Origin` is there
    on every request that may change something. Whoever sends neither has not shown it.
    """
    if connection.headers.get("sec-fetch-site") in ("same-origin", "none"):
        return True
    origin = origin_of(connection.headers.get("origin", ""))
    return origin is not None and origin in {*own_origins(connection, settings), *settings.cors_origins}


def own_origins(connection: HTTPConnection, settings: Settings) -> set[str]:
    """Return the origins of this server: as the request was addressed, and as the settings say."""
    scheme = _PLAIN.get(connection.scope["scheme"], connection.scope["scheme"])
    addressed = origin_of(f"{scheme}://{connection.headers.get('host', '')}")
    public = origin_of(settings.public_url or "")
    return {origin for origin in (addressed, public) if origin is not None}


def is_secure(scope: Scope, settings: Settings) -> bool:
    """Say whether browsers reach the server by HTTPS."""
    return scope.get("scheme") in ("https", "wss") or (settings.public_url or "").lower().startswith("https://")
