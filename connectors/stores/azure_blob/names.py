"""The names of blobs and of their metadata: what Azure can hold of the keys that every store can."""

import re
from collections.abc import Mapping
from typing import Final

from connectors.stores.buckets import Description
from connectors.stores.keys import checked_key
from maestro.errors import InvalidInput

LONGEST: Final = 1024
"""Most characters of the name of a blob."""
MOST_SEGMENTS: Final = 254
SHA256: Final = "sha256"
"""The name under which the SHA-256 of an object is kept in its metadata."""
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ue000\ufffe\uffff]|\.(/|$)")
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LINE: Final = re.compile(r"[\x20-\x7e]*")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def checked_name(key: str, prefix: str) -> str:
    """Return the name of the blob for a key; InvalidInput for what is no key, or not one that Azure can hold.

    Azure makes a slash of each backslash, drops full stops at the end of names, and refuses control characters, so
    that an object would be found under another key, or not at all.
    """
    name = prefix + checked_key(key)
    if _UNFIT.search(key):
        raise InvalidInput(
            f"{key[:80]!r} cannot be the name of a blob: Azure takes no backslash, no control character, and no full "
            "stop at the end of a name."
        )
    if len(name) > LONGEST or name.count("/") >= MOST_SEGMENTS:
        raise InvalidInput(
            f"{key[:80]!r} cannot be the name of a blob: with its prefix it has more than {LONGEST:,} characters, or "
            f"more than {MOST_SEGMENTS} names between slashes."
        )
    return name


def is_held(key: str) -> bool:
    """Say whether a text is a key, and one that Azure can hold."""
    try:
        checked_name(key, "")
    except InvalidInput:
        return False
    return True


def metadata_of(description: Description) -> dict[str, str]:
    """Return the metadata that Azure is to keep; InvalidInput for those that it does not."""
    for name, text in description.metadata.items():
        if not _WORD.fullmatch(name) or name.lower() == SHA256 or not _LINE.fullmatch(text):
            raise InvalidInput(
                f"{name[:80]!r} cannot be metadata of a blob.",
                hint="Names have letters, digits and underscores, no digit first, and are not sha256; texts are ASCII.",
            )
    return with_digest(description.metadata, description.sha256)


def with_digest(metadata: Mapping[str, str], sha256: str | None) -> dict[str, str]:
    """Return metadata with a SHA-256 in them, if there is one."""
    return dict(metadata) if sha256 is None else {**metadata, SHA256: sha256}


def digest_in(metadata: Mapping[str, str]) -> str | None:
    """Return the SHA-256 that metadata hold; None when they hold none, or something else of that name."""
    found = metadata.get(SHA256, "")
    return found if _DIGEST.fullmatch(found) else None
