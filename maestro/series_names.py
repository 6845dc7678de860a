"""Names of metric series: a key and, in braces, the context that tells series of one key apart.

`accuracy` is the series without a context, `accuracy{split=val}` the one with `{"split": "val"}`.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import orjson

_WITH_CONTEXT: Final = re.compile(r"(?P<key>[^{}]+)\{(?P<context>[^{}]*)\}")


@dataclass(frozen=True)
class SeriesName:
    """A metric's key and its context as sorted pairs."""

    key: str
    context: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, key: str, context: dict[str, str]) -> "SeriesName":
        """Return the name of a key in a context."""
        return cls(key, tuple(sorted(context.items())))

    @classmethod
    def parse(cls, text: str) -> "SeriesName":
        """Read the text form; a text that is not of that form is a key as it stands."""
        found = _WITH_CONTEXT.fullmatch(text)
        if found is None:
            return cls(text)
        pairs = (pair.partition("=") for pair in found["context"].split(",") if pair.strip())
        return cls.of(found["key"], {name.strip(): value.strip() for name, _, value in pairs})

    @cached_property
    def context_hash(self) -> int:
        """63 bits that identify the context; 0 for none."""
        if not self.context:
            return 0
        digest = hashlib.blake2b(orjson.dumps(self.context), digest_size=8).digest()
        return int.from_bytes(digest) >> 1 or 1

    def __str__(self) -> str:
        return (
            f"{self.key}{{{','.join(f'{name}={value}' for name, value in self.context)}}}" if self.context else self.key
        )
