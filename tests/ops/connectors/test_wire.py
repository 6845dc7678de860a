"""Values of vendors as they go through JSON."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import pytest

from ops.connectors.wire import plain

VALUES: list[tuple[Any, Any]] = [
    (None, None),
    (True, True),
    (2**53 - 1, 2**53 - 1),
    (2**53, "9007199254740992"),
    (-(2**63), "-9223372036854775808"),
    (0.1, 0.1),
    (float("nan"), None),
    (float("-inf"), None),
    (Decimal("0.10"), "0.10"),
    (Decimal("NaN"), None),
    ("ü", "ü"),
    (b"\x00\xff", "AP8="),
    (bytearray(b"a"), "YQ=="),
    (memoryview(b"a"), "YQ=="),
    (datetime(2026, 1, 31, 12, tzinfo=UTC), "2026-01-31T12:00:00+00:00"),
    (datetime(2026, 1, 31, 12, 0, 0, 5), "2026-01-31T12:00:00.000005"),  # noqa: DTZ001 -- vendors have such
    (date(2026, 1, 31), "2026-01-31"),
    (time(12, 30), "12:30:00"),
    (timedelta(days=1, seconds=2, milliseconds=500), "P1DT2.5S"),
    (timedelta(seconds=-90), "-P0DT90S"),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ([1, (2, {3})], [1, [2, [3]]]),
    ({1: {"a": b""}}, {"1": {"a": ""}}),
    (1j, "1j"),
]


@pytest.mark.parametrize(("value", "expected"), VALUES)
def test_a_value_is_told_without_loss_where_json_allows_it(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)
    orjson.dumps(plain(value))
