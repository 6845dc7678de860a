"""The columns of a stream of PostgreSQL's binary COPY, made into Arrow."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connectors.sql.postgresql_copy import Fields, fields_of
from connectors.sql.postgresql_types import KINDS

EPOCH_DAYS: Final = 10_957
"""From 1970, where Arrow begins to count, to 2000, where PostgreSQL does."""
LAST_OF_DAY_US: Final = 86_399_999_999
EPOCH_US: Final = EPOCH_DAYS * 86_400_000_000
FIRST: Final = {"date": -719_162, "timestamp": -62_135_596_800_000_000}
LAST: Final = {"date": 2_932_896, "timestamp": 253_402_300_799_999_999}
"""The years 1 and 9999, which Python knows; what is before or behind, infinity too, becomes the first or the last."""


def decoded(chunks: Sequence[bytes | bytearray], schema: pa.Schema, names: Sequence[str]) -> pa.RecordBatch:
    """Return the rows of some chunks; `names` are those of the types that PostgreSQL sends."""
    widths = [KINDS[name].width for name in names]
    columns = [_array(fields, name) for fields, name in zip(fields_of(chunks, widths), names, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _array(fields: Fields, name: str) -> pa.Array:
    kind = KINDS[name]
    if kind.form is None:
        values = fields.binary(skipped=1 if name == "jsonb" else 0)  # jsonb has its version in front
        return values if kind.arrow == values.type else values.view(kind.arrow)
    numbers = fields.numbers(kind.form)
    if name == "bool":
        return pa.array(numbers != 0, mask=fields.nulls)
    if name in {"date", "timestamp", "timestamptz"}:
        numbers = _since_1970(numbers, name.removesuffix("tz"))
    if name == "time":
        numbers = np.minimum(numbers, LAST_OF_DAY_US)  # 24:00 is a time of PostgreSQL's alone
    return pa.array(numbers, mask=fields.nulls).view(kind.arrow)


def _since_1970(numbers: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    shift = EPOCH_DAYS if name == "date" else EPOCH_US
    found: npt.NDArray[Any] = np.clip(numbers, FIRST[name] - shift, LAST[name] - shift) + numbers.dtype.type(shift)
    return found
