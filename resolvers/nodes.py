"""Nodes of any kind by their ids."""

from collections.abc import Sequence
from typing import Final

from dataloaders.nodes import load_nodes
from maestro.db.rows import Row
from maestro.errors import Forbidden, InvalidInput, MaestroError, NotFound
from maestro.ids import Kind, decode
from resolvers.context import Context

MOST_IDS: Final = 200


async def find(ctx: Context, ids: Sequence[str], *, field: str = "ids") -> list[tuple[Kind, Row] | MaestroError]:
    """Return the kind and the row of each id; one statement a kind.

    NotFound stands in the place of an id that is nobody's, Forbidden where the viewer may not read what it is.

    InvalidInput for more than 200 ids and for what is no id at all.
    """
    if len(ids) > MOST_IDS:
        raise InvalidInput(f"{len(ids)} ids; at most {MOST_IDS} are answered at once.", field=field, limit=MOST_IDS)
    wanted = [decode(one, field=field) for one in ids]
    rows = await load_nodes(ctx.loaders, wanted)
    return [_found(kind, row) for (kind, _), row in zip(wanted, rows, strict=True)]


def _found(kind: Kind, row: Row | Forbidden | None) -> tuple[Kind, Row] | MaestroError:
    if row is None:
        return NotFound(f"There is no such {kind.name}.")
    return row if isinstance(row, Forbidden) else (kind, row)
