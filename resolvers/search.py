"""Search over everything that has a name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dataloaders.base import may_read, require
from dataloaders.nodes import BY_KIND, load_nodes
from dataloaders.search import PLACES, SearchType, find
from maestro.db.rows import Row
from maestro.errors import InvalidInput
from maestro.ids import Kind
from resolvers import validation
from resolvers.context import Context

LONGEST_TEXT: Final = 200
MOST_HITS: Final = 100
AROUND: Final = 80
"""How many characters of a snippet stand on either side of the word that was found."""


@dataclass(frozen=True, slots=True)
class Found:
    """A hit with its row, and the stretch of its description in which the first word was found."""

    kind: Kind
    row: Row
    snippet: str | None
    score: float


async def search(ctx: Context, text: str, *, types: Sequence[SearchType] | None, first: int) -> list[Found]:
    """Find by name, by words, by an id, by a run's external id or by its number (`#17`); the best first.

    InvalidInput for an empty text, one of more than 200 characters, or more than 100 hits. What the viewer may not read
    is left out; Forbidden when `types` names it.
    """
    wanted = validation.text(text, field="text", limit=LONGEST_TEXT).strip()
    if not wanted:
        raise InvalidInput("There is nothing to search for.", field="text", hint="Give a word or an id.")
    if not 1 <= first <= MOST_HITS:
        raise InvalidInput(f"first is {first}; a search answers 1 to {MOST_HITS} hits.", field="first", limit=MOST_HITS)
    for one in types or ():
        require(ctx.viewer, BY_KIND[Kind(one)].needs)
    known = [one for one in SearchType if may_read(ctx.viewer, BY_KIND[Kind(one)].needs)]
    searched = [one for one in known if types is None or one in types]
    hits = await find(ctx.db, ctx.organization_id, text=wanted, types=searched, size=first)
    rows = await load_nodes(ctx.loaders, [(hit.kind, hit.id) for hit in hits])
    return [
        Found(hit.kind, row, snippet(row[PLACES[SearchType(hit.kind)].body], wanted), hit.score)
        for hit, row in zip(hits, rows, strict=True)
        if isinstance(row, Row)
    ]


def snippet(body: str, text: str) -> str | None:
    """Return the stretch around the first word of the text that a body has, None when it has none of them."""
    places = (re.search(rf"\b{re.escape(word)}", body, re.IGNORECASE) for word in re.findall(r"\w+", text))
    place = next(filter(None, places), None)
    if place is None:
        return None
    start, end = max(0, place.start() - AROUND), min(len(body), place.end() + AROUND)
    stretch = " ".join(body[start:end].split())
    return f"{'…' if start else ''}{stretch}{'…' if end < len(body) else ''}"
