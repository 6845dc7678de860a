"""What a profile is made of: files to be taken away, and a summary of plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from maestro.job_inputs import on_wire

SVG: Final = "image/svg+xml"
HTML: Final = "text/html; charset=utf-8"
JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"
MARKDOWN: Final = "text/markdown; charset=utf-8"
BINARY: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class File:
    """A file of a profile."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a profile."""

    summary: Mapping[str, Any]
    files: Sequence[File]


def text_file(name: str, content: str, media_type: str = TEXT) -> File:
    """Return a file of text."""
    return File(name, media_type, content.encode())


def json_file(name: str, content: Any) -> File:
    """Return a file of JSON that people can read, its names as the schema has them."""
    return File(name, JSON, orjson.dumps(on_wire(content), option=orjson.OPT_INDENT_2))
