"""What goes wrong with Snowflake, as errors of ours, with its number, its state, and the id of the statement."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pyarrow import ArrowException
from snowflake.connector import errors as vendor

from maestro.errors import Conflict, Forbidden, InvalidInput, MaestroError, NotFound, Transient
from maestro.vendor_errors import Cancelled, ConnectorFailed, NotSupported, TimedOut

_LINE: Final = re.compile(r"line (\d+) at position (\d+)")
_LONGEST: Final = 500
"""Most characters of the vendor's own message."""
_NO_LOGIN: Final = 250_001
_MISSING: Final = frozenset({2003, 2043, 2049, 390_201})
"""What is not there, or may not be seen: Snowflake does not tell the two apart."""
_DENIED: Final = frozenset({3001, 3003, 3005, 3007, 3011, 3013, 3041})
_CONFLICTS: Final = frozenset({2002, 90_063, 90_064, 100_072, 200_001})
_PASSING: Final = frozenset({625, 635, 639, 300_002, 370_001, 390_111, 390_112, 390_114})
_NO_WAREHOUSE: Final = frozenset({606, 607, 608, 609, 90_073})
_UNSUPPORTED: Final = frozenset({2, 2040, 2057})
_STOPPED: Final = 604
_TOO_LONG: Final = frozenset({630, 631})
_SIGN_IN: Final = range(390_000, 400_000)
_DATA: Final = range(100_000, 101_000)
_WRONG_STATES: Final = ("22", "42", "21")
_KINDS: Final[tuple[tuple[frozenset[int], type[MaestroError], str | None], ...]] = (
    (_MISSING, NotFound, "Look at the name, and at what the role may see."),
    (_DENIED, Forbidden, "Grant the role what is missing, or choose another role in the connector's settings."),
    (_CONFLICTS, Conflict, None),
    (_PASSING, Transient, None),
    (
        _NO_WAREHOUSE,
        ConnectorFailed,
        "Look at the warehouse in the settings, and whether the role may use it.",
    ),
    (_UNSUPPORTED, NotSupported, None),
    (frozenset({_STOPPED}), Cancelled, None),
    (_TOO_LONG, TimedOut, "Give it more time, or read less; the warehouse and the user have limits too."),
)


@contextmanager
def translated(what: str, statement: str = "") -> Iterator[None]:
    """Turn what the vendor's library raises during a block into errors of ours; `what` names what was tried."""
    try:
        yield
    except vendor.Error as error:
        raise _answered(what, statement, error) from error
    except (ArrowException, ValueError, OverflowError) as error:
        raise InvalidInput(
            f"A value does not fit, {what}: {str(error)[:_LONGEST]}",
            hint="Integers have 64 bits, and timestamps microseconds: cast what has more to text or to a decimal.",
        ) from error


def _answered(what: str, statement: str, error: vendor.Error) -> MaestroError:
    number = error.errno
    details: dict[str, Any] = {
        "vendorCode": f"{number:06d}",
        "sqlState": error.sqlstate,
        "requestId": error.sfqid or error.request_id,
    }
    told = " ".join((error.raw_msg or type(error).__name__).split())[:_LONGEST]
    if isinstance(error, vendor.OperationalError | vendor.InterfaceError) or number == _NO_LOGIN:
        # Their numbers are the library's own, and mean something else for a statement.
        return Transient(
            f"Snowflake cannot be reached, or breaks off, {what}: {told}",
            hint="Look at the account or the host, and whether it can be reached from this server.",
            **details,
        )
    for numbers, kind, hint in _KINDS:
        if number in numbers:
            return kind(f"Snowflake answers, {what}: {told}", hint=hint, **details)
    if number in _SIGN_IN:
        hint = "Look at the user, the credential and its end, and at the network policy of the account."
        return Forbidden(f"Snowflake does not sign the user in: {told}", hint=hint, **details)
    if isinstance(error, vendor.NotSupportedError):
        return NotSupported(f"Snowflake's library cannot do this, {what}: {told}", **details)
    if (error.sqlstate or "").startswith(_WRONG_STATES) or number in _DATA:
        return InvalidInput(f"Snowflake answers, {what}: {told}", position=_position(told, statement), **details)
    return ConnectorFailed(f"Snowflake answers, {what}: {told}", **details)


def _position(told: str, statement: str) -> int | None:
    """Return at which character of a statement the vendor found something, from 1 on."""
    found = _LINE.search(told)
    if found is None:
        return None
    before = statement.lstrip().split("\n")[: int(found[1]) - 1]
    return len(statement) - len(statement.lstrip()) + sum(len(line) + 1 for line in before) + int(found[2]) + 1
