"""What goes wrong with PostgreSQL, as errors of ours, with its SQLSTATE as `vendorCode`.

The codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import asyncpg

from maestro.errors import Conflict, Forbidden, InvalidInput, MaestroError, NotFound, Transient
from maestro.vendor_errors import Cancelled, ConnectorFailed, NotSupported, TimedOut

_BY_CODE: Final[dict[str, type[MaestroError]]] = {
    "25006": Forbidden,  # a write where only reads are allowed
    "3D000": NotFound,
    "3F000": NotFound,
    "42501": Forbidden,
    "42P01": NotFound,
    "55P03": Transient,
    "57014": Cancelled,
}
_BY_CLASS: Final[dict[str, type[MaestroError]]] = {
    "08": Transient,
    "0A": NotSupported,
    "21": InvalidInput,
    "22": InvalidInput,
    "23": Conflict,
    "28": Forbidden,
    "2B": Conflict,
    "40": Transient,
    "42": InvalidInput,
    "53": Transient,
    "57": Transient,
}
_CAST: Final = "Cast the column or the parameter to a text in the statement."
LONGEST: Final = 500
"""Most characters of the vendor's words in a message."""


@contextmanager
def translated(timeout_s: float | None = None) -> Iterator[None]:
    """Turn what the driver raises during a block into errors of ours."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError, OverflowError) as error:
        raise _ours(error, timeout_s) from None


def _ours(error: Exception, timeout_s: float | None) -> MaestroError:
    if isinstance(error, asyncpg.PostgresError):
        return answered(error, timeout_s)
    if isinstance(error, asyncpg.InterfaceError):
        return _of_driver(error)
    if isinstance(error, TimeoutError):
        return late(timeout_s)
    if isinstance(error, OSError) and not isinstance(error, ssl.CertificateError):
        return unreachable(error)
    return _untold(error)


def _of_driver(error: asyncpg.InterfaceError) -> MaestroError:
    if isinstance(error, asyncpg.DataError):
        return InvalidInput(f"A parameter does not fit: {str(error)[:LONGEST]}", field="parameters")
    if isinstance(error, asyncpg.UnsupportedClientFeatureError):
        return NotSupported(str(error)[:LONGEST], hint=_CAST)
    return ConnectorFailed(f"PostgreSQL cannot be asked: {str(error)[:LONGEST]}", vendorCode=type(error).__name__)


def _untold(error: Exception) -> MaestroError:
    if not isinstance(error, ssl.SSLCertVerificationError):  # the driver, which reads values as Python's own
        return InvalidInput(f"A value cannot be told: {str(error)[:LONGEST]}.", hint=_CAST)
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


def unreachable(error: OSError) -> MaestroError:
    """Return what says that there is no line to the server."""
    if "rejected SSL upgrade" in str(error):
        return ConnectorFailed(
            "The server speaks no TLS, and the connector asks for it.",
            hint="Switch on TLS at the server, or set the connector's sslMode to `disable`.",
            vendorCode="SSL",
        )
    return Transient(
        f"The server cannot be reached, or has broken off: {type(error).__name__}.",
        hint=_UNREACHABLE,
        vendorCode=type(error).__name__,
    )


_UNREACHABLE: Final = (
    "Look whether host and port are right, whether the server runs, and whether it can be reached from this machine."
)
_HINTS: Final[dict[str, str]] = {
    "25006": "Only reads are allowed here.",
    "28P01": "Check the user and the password.",
    "28000": "Check the user, the database, and what pg_hba.conf of the server says of this machine.",
    "42501": "Grant the connector's user what is missing.",
}


def answered(error: asyncpg.PostgresError, timeout_s: float | None) -> MaestroError:
    """Return an answer of PostgreSQL as an error of ours."""
    code = error.sqlstate or ""
    told = str(error.args[0] if error.args else error)
    if code == "57014" and "statement timeout" in told and timeout_s is not None:
        return late(timeout_s)
    kind = _BY_CODE.get(code) or _BY_CLASS.get(code[:2], ConnectorFailed)
    details: dict[str, Any] = {"vendorCode": code}
    if (position := getattr(error, "position", None)) is not None:
        details["position"] = int(position)
    hint = _HINTS.get(code) or getattr(error, "hint", None)
    return kind(f"PostgreSQL says: {told[:LONGEST]}", hint=hint, **details)
