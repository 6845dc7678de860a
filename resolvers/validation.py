"""What texts and tags may be, checked before anything is written."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from maestro.errors import InvalidInput
from maestro.storable import UNSTORABLE

LONGEST_NAME: Final = 200
LONGEST_TEXT: Final = 100_000
LONGEST_EMAIL: Final = 254
LONGEST_TAG_KEY: Final = 100
LONGEST_TAG_VALUE: Final = 5000
MOST_TAGS: Final = 200
JOINERS: Final = "\u200c\u200d"
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def name(value: str | None, *, field: str = "name") -> str:
    """Return a name in normal form without blanks around it: 1 to 200 characters, none of them invisible."""
    normal = unicodedata.normalize("NFC", value or "").strip()
    if not any(unicodedata.category(char)[0] in "LNPS" for char in normal):
        raise InvalidInput(f"{field} is empty.", field=field, hint="Give it at least one visible character.")
    if len(normal) > LONGEST_NAME:
        raise InvalidInput(
            f"{field} has {len(normal):,} characters; at most {LONGEST_NAME} are allowed.",
            field=field,
            limit=LONGEST_NAME,
            hint="Put what does not fit into the description.",
        )
    hidden = next((char for char in normal if _is_hidden(char)), None)
    if hidden is not None:
        raise InvalidInput(
            f"{field} holds the invisible character U+{ord(hidden):04X}.", field=field, hint="Remove it."
        )
    return normal


def _is_hidden(char: str) -> bool:
    # Joiners are parts of emoji and of some scripts; other format characters reorder or hide what one reads.
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn") and char not in JOINERS


def text(value: str | None, *, field: str, limit: int = LONGEST_TEXT) -> str:
    """Return a free text of at most `limit` characters that PostgreSQL can store."""
    given = value or ""
    if len(given) > limit:
        raise InvalidInput(
            f"{field} has {len(given):,} characters; at most {limit:,} are allowed.", field=field, limit=limit
        )
    if UNSTORABLE.search(given):
        raise InvalidInput(f"{field} holds a NUL or half a character.", field=field, hint="Remove it.")
    return given


def slug(value: str, *, field: str = "slug") -> str:
    """Return a name for addresses: lower-case letters, digits and dashes, 1 to 63 of them."""
    if not _SLUG.fullmatch(value):
        raise InvalidInput(
            f"{value[:80]!r} cannot stand in an address.",
            field=field,
            hint="Use up to 63 lower-case letters a-z, digits and dashes, with no dash at either end.",
        )
    return value


def slug_from(title: str, *, otherwise: str) -> str:
    """Make a name for addresses from a title, or take another one where no letter of it can stand in an address."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:63].strip("-") or otherwise


def path(value: str | None, *, field: str = "path") -> str:
    """Return a folder like `/vision/ablations`, `/` for the root."""
    parts = [name(part, field=field) for part in (value or "/").split("/") if part.strip()]
    return text("/" + "/".join(parts), field=field, limit=1000)


def tags(value: Mapping[str, str], *, field: str = "tags") -> dict[str, str]:
    """Return tags with checked keys and values, at most 200."""
    if len(value) > MOST_TAGS:
        raise InvalidInput(f"{len(value)} tags; at most {MOST_TAGS} are allowed.", field=field, limit=MOST_TAGS)
    checked = {}
    for key, content in value.items():
        if not 0 < len(key.strip()) <= LONGEST_TAG_KEY:
            raise InvalidInput(f"A tag's key has 1 to {LONGEST_TAG_KEY} characters.", field=field, key=key[:120])
        checked[text(key, field=field)] = text(content, field=f"{field}.{key}", limit=LONGEST_TAG_VALUE)
    return checked


def not_null(changes: Mapping[str, Any], *nullable: str) -> None:
    """Refuse an explicit null for anything that must have a value."""
    for field, value in changes.items():
        if value is None and field not in nullable:
            raise InvalidInput(f"{field} cannot be null.", field=field, hint="Leave it out to keep it as it is.")


def email(value: str, *, field: str = "email") -> str:
    """Return an e-mail address that has the form of one; whether somebody reads it is not known."""
    address = name(value, field=field)
    if len(address) > LONGEST_EMAIL or not _EMAIL.fullmatch(address):
        raise InvalidInput(
            f"{address[:80]!r} is no e-mail address.", field=field, hint="One looks like name@example.org."
        )
    return address
