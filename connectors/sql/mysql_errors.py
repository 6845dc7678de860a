"""What goes wrong with MySQL and MariaDB, as errors of ours, with their numbers as `vendorCode`.

The numbers: https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html and
https://mariadb.com/docs/server/reference/error-codes
"""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pymysql.err import Error, MySQLError

from maestro.errors import Conflict, Forbidden, InvalidInput, MaestroError, NotFound, Transient
from maestro.vendor_errors import Cancelled, ConnectorFailed, NotSupported, TimedOut

LONGEST: Final = 500
"""Most characters of the vendor's words in a message."""
_CODES: Final[dict[type[MaestroError], set[int]]] = {
    Forbidden: {1044, 1045, 1130, 1142, 1143, 1227, 1251, 1290, 1370, 1419, 1698, 1792, 1820, 1862, 3118, 4151},
    NotFound: {1008, 1049, 1051, 1109, 1146, 1305},
    InvalidInput: {
        *(1054, 1056, 1060, 1064, 1065, 1066, 1136, 1140, 1149, 1172, 1210, 1241, 1242, 1055, 1052, 1111, 1248, 1582),
        *(1264, 1265, 1292, 1365, 1366, 1367, 1406, 1411, 1426, 1690, 1713, 3140, 3141, 3819, 1406, 1426, 1300, 1267),
    },
    Conflict: {1022, 1048, 1062, 1169, 1216, 1217, 1364, 1451, 1452, 1557, 1586, 1761, 4025},
    Transient: {1040, 1053, 1077, 1152, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 2002, 2003, 2006, 2013, 2055},
    NotSupported: {1235, 1289},
    Cancelled: {1317, 1927},
}
_KINDS: Final = {code: kind for kind, codes in _CODES.items() for code in codes}
_LATE: Final = frozenset({1969, 3024})
_NEAR: Final = re.compile(r" near '(.*)' at line \d+$", re.DOTALL)
_UNREACHABLE: Final = (
    "Look whether host and port are right, whether the server runs, and whether it can be reached from this machine."
)
_HINTS: Final[dict[int, str]] = {
    1045: "Check the user and the password, and from which hosts the user may sign in.",
    1142: "Grant the connector's user what is missing.",
    1792: "Only reads are allowed here.",
    2003: _UNREACHABLE,
    2013: _UNREACHABLE,
}


class Plain(Exception):
    """The server speaks no TLS, or wants the password in plain over a line where nobody knows who listens."""


@contextmanager
def translated(timeout_s: float | None = None, statement: str = "") -> Iterator[None]:
    """Turn what the driver raises during a block into errors of ours."""
    try:
        yield
    except MySQLError as error:
        raise answered(error, timeout_s, statement) from None
    except Plain as error:
        raise ConnectorFailed(
            str(error),
            hint="Switch on TLS at the server, or set the connector's sslMode to another.",
            vendorCode="SSL",
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise untrusted(error) from None
    except TimeoutError:
        raise late(timeout_s) from None
    except UnicodeError:
        raise InvalidInput("The statement or a parameter holds half a character.", field="parameters") from None
    except OSError as error:
        raise Transient(
            f"The server cannot be reached, or has broken off: {type(error).__name__}.",
            hint=_UNREACHABLE,
            vendorCode=type(error).__name__,
        ) from None
    except RuntimeError as error:  # the driver, when a server asks for a file of this machine
        raise ConnectorFailed(f"The server asks for what it must not have: {str(error)[:LONGEST]}") from None


def untrusted(error: ssl.SSLCertVerificationError) -> ConnectorFailed:
    """Return what says that the server is perhaps another."""
    return ConnectorFailed(
        f"The certificate of the server is not to be trusted: {error.verify_message}.",
        hint="Look at the host's name, and whether the authority that has signed the certificate is known to this "
        "machine.",
        vendorCode="SSLCertVerificationError",
    )


def late(timeout_s: float | None) -> MaestroError:
    """Return what says that a statement has been stopped, or that nobody has answered."""
    if timeout_s is None:
        return Transient("The server has not answered in time.", hint=_UNREACHABLE, vendorCode="TimeoutError")
    return TimedOut(
        f"The statement took longer than {timeout_s:g} seconds, and was stopped.",
        hint="Ask for less, or allow it more time.",
        timeoutSeconds=timeout_s,
    )


def answered(error: Error, timeout_s: float | None, statement: str) -> MaestroError:
    """Return an answer of the server, or what the driver says of the line, as an error of ours."""
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    told = str(error.args[-1]) if error.args else type(error).__name__
    if isinstance(error.__cause__, ssl.SSLCertVerificationError):
        return untrusted(error.__cause__)
    if code in _LATE and timeout_s is not None:
        return late(timeout_s)
    details: dict[str, Any] = {"vendorCode": str(code or type(error).__name__)}
    if code == 1064 and (position := _position(told, statement)) is not None:  # noqa: PLR2004 -- a syntax error
        details["position"] = position
    return _KINDS.get(code, ConnectorFailed)(f"MySQL says: {told[:LONGEST]}", hint=_HINTS.get(code), **details)


def _position(told: str, statement: str) -> int | None:
    """Return where a statement is wrong, from 1: MySQL tells what stands there, which is looked for."""
    near = _NEAR.search(told)
    if near is None or not near[1]:
        return None if near is None else len(statement) + 1
    return statement.find(near[1]) + 1 or None
