"""Values of vendors as they go through JSON, without loss where JSON allows it.

Integers beyond 2^53 and decimals become texts, NaN and the infinities null, times ISO 8601, bytes base64.
"""

import base64
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

SAFE: Final = 2**53 - 1
"""The largest integer that JavaScript's numbers hold exactly."""


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it; what nobody knows becomes its text."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    made = next((make for kind, make in _MADE.items() if isinstance(value, kind)), str)
    return made(value)


def _integer(value: int) -> int | str:
    return int(value) if abs(value) <= SAFE else str(value)


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _decimal(value: Decimal) -> str | None:
    return str(value) if value.is_finite() else None


def _binary(value: bytes | bytearray | memoryview) -> str:
    return base64.b64encode(value).decode()


def _span(value: timedelta) -> str:
    """Return a span as ISO 8601 in days and seconds, like `P1DT2.5S`."""
    sign, size = ("-", -value) if value < timedelta(0) else ("", value)
    seconds = f"{size.seconds + size.microseconds / 1e6:.6f}".rstrip("0").rstrip(".")
    return f"{sign}P{size.days}DT{seconds}S"


_MADE: Final[Mapping[type | tuple[type, ...], Callable[[Any], Any]]] = {
    int: _integer,
    float: _number,
    Decimal: _decimal,
    (datetime, date, time): lambda value: value.isoformat(),
    timedelta: _span,
    (bytes, bytearray, memoryview): _binary,
    UUID: str,
}
