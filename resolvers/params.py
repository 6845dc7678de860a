"""Params of runs: typed values, checked in one place and written by whoever logs them."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from maestro.db.rows import Row
from maestro.db.tables.enums import ParamType
from maestro.errors import InvalidInput, PayloadTooLarge
from maestro.params import typed
from resolvers import validation
from resolvers.documents import encoded
from resolvers.writing import Writer

LONGEST_KEY: Final = 250
LONGEST_VALUE: Final = 100_000
MOST_PARAMS: Final = 2_000

WRITE: Final = """
INSERT INTO param (run_id, organization_id, project_id, key, type, text, number)
SELECT $1, $2, $3, given.* FROM unnest($4::text[], $5::text[], $6::text[], $7::float8[]) AS given
ON CONFLICT (run_id, key) DO UPDATE SET type = excluded.type, text = excluded.text, number = excluded.number
WHERE (param.type, param.text) IS DISTINCT FROM (excluded.type, excluded.text)
"""


class ParamValue(NamedTuple):
    """A param as its columns hold it."""

    key: str
    type: ParamType
    text: str
    number: float | None


def checked(params: Mapping[str, Any]) -> list[ParamValue]:
    """Return params as they are stored, each with the type that its JSON value has.

    At most 2,000, keys of 1 to 250 characters, values of at most 100,000 as text; InvalidInput, PayloadTooLarge.
    """
    if len(params) > MOST_PARAMS:
        raise _too_many(len(params))
    return [_param(_key(key), value) for key, value in params.items()]


async def write(writer: Writer, run: Row, params: Mapping[str, Any]) -> None:
    """Log params of a run: the same value again changes nothing, another one takes the place of the first.

    InvalidInput, PayloadTooLarge when the run would then have more than 2,000.
    """
    await store(writer, run, checked(params))


async def store(writer: Writer, run: Row, values: list[ParamValue]) -> None:
    """Write params that have been checked; PayloadTooLarge when the run would then have more than 2,000."""
    if not values:
        return
    columns = [list(column) for column in zip(*values, strict=True)]
    await writer.tx.fetch_sql(WRITE, run.id, run.organization_id, run.project_id, *columns)
    held = (await writer.tx.fetch_sql("SELECT count(*) AS n FROM param WHERE run_id = $1", run.id))[0].n
    if held > MOST_PARAMS:
        raise _too_many(held)


def _key(key: str) -> str:
    if not key.strip():
        raise InvalidInput("The key of a param is empty.", field="params", hint="Name what the value is.")
    return validation.text(key, field="params.key", limit=LONGEST_KEY)


def _param(key: str, value: Any) -> ParamValue:
    field = f"params.{key}"
    encoded(value, field=field)
    stored = typed(value)
    validation.text(stored.text, field=field, limit=LONGEST_VALUE)
    return ParamValue(key, *stored)


def _too_many(count: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"{count:,} params; a run has at most {MOST_PARAMS:,}.",
        field="params",
        limit=MOST_PARAMS,
        hint="Put what nobody filters by into the config.",
    )
