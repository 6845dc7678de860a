"""What goes wrong with an MLflow server, as errors of ours, with the server's code and the request's id."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx

from maestro.errors import Conflict, Forbidden, MaestroError, NotFound, Transient
from maestro.vendor_errors import ConnectorFailed, NotSupported

_BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_PASSING: Final = frozenset({"TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"})
_DENIED: Final = frozenset({"PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED", "INVALID_ACCESS_TOKEN"})
_MISSING: Final = frozenset({"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND", "ENDPOINT_NOT_FOUND"})
_TAKEN: Final = frozenset({"RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"})
_LACKING: Final = frozenset({"NOT_IMPLEMENTED", "FEATURE_DISABLED"})
_REFUSED: Final = frozenset({401, 403})
_NOT_THERE: Final = 404
_ELSEWHERE: Final = range(300, 400)
_TOLD: Final = 200
"""So many characters of the server's own words are passed on."""


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn what the line to the server raises during a block into errors of ours, which name `what`."""
    try:
        yield
    except httpx.TransportError as error:
        if _is_untrusted(error):
            raise ConnectorFailed(
                "The certificate of the MLflow server is not to be trusted.",
                hint="Look at the address, and whether the authority that has signed the certificate is known here.",
                vendorCode="SSLError",
            ) from None
        raise Transient(
            f"The MLflow server cannot be reached, or breaks off, with {what}.",
            hint="Look whether its address is right, and whether it can be reached from this server.",
            vendorCode=type(error).__name__,
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ConnectorFailed(
            f"The MLflow server cannot be asked for {what}.", vendorCode=type(error).__name__
        ) from None


def refused(answer: httpx.Response, what: str) -> MaestroError:
    """Return the error for an answer whose status is none of success."""
    code, told = _words(answer)
    status = answer.status_code
    kind, message, hint = _meaning(status, code)
    return kind(
        message.format(what=what, told=told[:_TOLD]),
        hint=hint,
        vendorCode=code or f"HTTP {status}",
        requestId=answer.headers.get("x-request-id"),
    )


def _meaning(status: int, code: str) -> tuple[type[MaestroError], str, str | None]:
    """Return what is raised for a status and a code, with what is said and what is to be done."""
    rules: tuple[tuple[bool, type[MaestroError], str, str | None], ...] = (
        (
            status in _REFUSED or code in _DENIED,
            Forbidden,
            "The MLflow server refuses {what}.",
            "Check the connector's credential by setConnectorSecret, and what its user may do there.",
        ),
        (
            code in _LACKING or (status == _NOT_THERE and not code),
            NotSupported,
            "This MLflow server does not know {what}.",
            "Look whether the address is that of an MLflow tracking server, and which version that has.",
        ),
        (status == _NOT_THERE or code in _MISSING, NotFound, "The MLflow server has no {what}.", None),
        (code in _TAKEN, Conflict, "The MLflow server has {what} already.", None),
        (
            status in _BUSY or code in _PASSING,
            Transient,
            "The MLflow server cannot do this now with {what}.",
            None,
        ),
        (
            status in _ELSEWHERE,
            ConnectorFailed,
            "The MLflow server sends {what} elsewhere.",
            "Enter the address to which it leads, if that is right.",
        ),
    )
    otherwise = ConnectorFailed, "The MLflow server cannot do this with {what}: {told}", None
    return next((rule[1:] for rule in rules if rule[0]), otherwise)


def _words(answer: httpx.Response) -> tuple[str, str]:
    """Return the server's code and its words; the code is empty where it has none."""
    try:
        content = answer.json()
    except ValueError:
        content = None
    if not isinstance(content, dict):
        return "", answer.reason_phrase
    return str(content.get("error_code") or ""), str(content.get("message") or answer.reason_phrase)


def _is_untrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
