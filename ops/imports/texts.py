"""Texts of other systems, as they can be stored here: cut, cleaned, and params with the type that they seem to have."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from maestro.db.tables.enums import ParamType
from maestro.params import Typed
from maestro.storable import UNSTORABLE

LONGEST_NAME: Final = 200
LONGEST_TEXT: Final = 100_000
LONGEST_KEY: Final = 250
LONGEST_TAG_KEY: Final = 100
LONGEST_TAG_VALUE: Final = 5000
MOST_TAGS: Final = 200
MOST_PARAMS: Final = 2000
_INTEGER: Final = re.compile(r"[+-]?\d{1,300}", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
_BOOLS: Final = {"True": "true", "False": "false", "true": "true", "false": "false"}
_BRACES: Final = str.maketrans("{}", "()")
_LARGEST: Final = 1.7e308


def storable(text: str, limit: int = LONGEST_TEXT) -> str:
    """Return a text that PostgreSQL can store, of at most so many characters."""
    return UNSTORABLE.sub("\ufffd", text)[:limit]


def name_of(text: str, otherwise: str) -> str:
    """Return a name in normal form, without invisible characters, of 1 to 200."""
    normal = unicodedata.normalize("NFC", storable(text, 2 * LONGEST_NAME))
    seen = "".join(char for char in normal if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    return seen.strip()[:LONGEST_NAME].strip() or otherwise


def place_of(text: str) -> tuple[str, str]:
    """Return the folder and the name of an experiment that others call like a path."""
    parts = [made for part in text.split("/") if (made := name_of(part, ""))]
    return (f"/{'/'.join(parts[:-1])}"[:1000], parts[-1]) if parts else ("/", "experiment")


def key_of(text: str) -> str:
    """Return the key of a metric: braces, in which contexts stand, become parentheses."""
    return name_of(storable(text, LONGEST_KEY).translate(_BRACES), "metric")


def tags_of(given: Mapping[str, str], *, besides: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the tags that fit, and those that do not or whose keys begin like those of the system itself."""
    fitting: dict[str, str] = {}
    others: dict[str, str] = {}
    for key, value in given.items():
        fits = 0 < len(key.strip()) <= LONGEST_TAG_KEY and len(value) <= LONGEST_TAG_VALUE
        is_own = not key.startswith(besides) and fits and len(fitting) < MOST_TAGS
        (fitting if is_own else others)[storable(key)] = storable(value)
    return fitting, others


def params_of(given: Mapping[str, str]) -> dict[str, Typed]:
    """Return the params that fit, with the types that their texts seem to have; the texts stay as they are."""
    keys = [key for key in given if key.strip()][:MOST_PARAMS]
    return {storable(key, LONGEST_KEY): _typed(storable(given[key])) for key in keys}


def _typed(text: str) -> Typed:
    if text in _BOOLS:
        return Typed(ParamType.BOOL, _BOOLS[text], None)
    if text == "None":
        return Typed(ParamType.NULL, "null", None)
    if not _NUMBER.fullmatch(text) or abs(float(text)) > _LARGEST:
        return Typed(ParamType.STRING, text, None)
    return Typed(ParamType.INT if _INTEGER.fullmatch(text) else ParamType.FLOAT, text, float(text))
