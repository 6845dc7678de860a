"""The form of the documentation's pages that are written from the code."""

from collections.abc import Iterable, Sequence
from typing import Final

NOTICE: Final = "<!-- Written by `python -m app docs --write`; change the code, not this page. -->"


def page(title: str, *parts: str) -> str:
    """Return a page of parts under a title."""
    return "\n\n".join([f"# {title}", NOTICE, *parts]) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a bar in a cell is written so that it ends no cell."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
