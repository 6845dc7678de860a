"""What a client is told: data, and errors that are coded, with hints, or masked when they are unexpected."""

import logging
import re
from collections.abc import Mapping
from typing import Any, Final

import orjson
from graphql import GraphQLError, GraphQLSyntaxError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types import ExecutionResult

from maestro import tracing
from maestro.db.absence import absence_of
from maestro.db.rows import CONNECTION_LOST
from maestro.errors import MaestroError, NotFound, Restoring

logger = logging.getLogger(__name__)

RETRY_S: Final = 5
"""After so many seconds it is worth trying again when the database is away, and nothing more is known."""
MASKED: Final = "Something went wrong on the server."
COERCION: Final = re.compile(r"Variable '\$\w+' has invalid value|Variable values are nested too deeply")
"""How graphql-core speaks of a value that does not fit its variable; nothing else in its error tells."""
ECHO: Final = re.compile(
    r"""
    , \s but \s encountered \s error \s .*
    | [,;]? \s [fF]ound: \s .*
    | (?<=\svalue) (?<!invalid\svalue) (?<!default\svalue) : \s .*
    | (?<=String) \s ['"] .*
    """,
    re.VERBOSE | re.DOTALL,
)
"""Where graphql-core repeats what was sent: it may hold a secret, and who sent it has it."""


def answer_of(result: ExecutionResult) -> dict[str, Any]:
    """Shape an operation's result: no `data` when it was refused before it ran, `errors` when there are some.

    What was not answered because the database is being exchanged counts as refused: it is to be sent again as a whole.
    """
    # What goes wrong in a field has a path.
    is_refused = result.data is None and all(error.path is None for error in result.errors or ())
    answer: dict[str, Any] = {} if is_refused else {"data": result.data}
    if result.errors:
        answer["errors"] = [told(error) for error in result.errors]
        codes = {error["extensions"]["code"] for error in answer["errors"]}
        if codes == {Restoring.code} and not any((result.data or {}).values()):
            answer.pop("data", None)
    if result.extensions:
        answer["extensions"] = result.extensions
    return answer


def told(error: GraphQLError) -> Mapping[str, Any]:
    """Return what a client is told of an error; anything unexpected is masked and logged under a trace id."""
    cause = error.original_error
    if isinstance(cause, MaestroError):
        return _with_extensions(error, cause.extensions)
    if isinstance(cause, CannotGetOperationTypeError):
        extensions = {"code": "GRAPHQL_VALIDATION_FAILED"}
        return {"message": cause.as_http_error_reason(), "extensions": traced(extensions)}
    if cause is None or isinstance(cause, GraphQLError) or _is_bad_literal(error):
        return {**_with_extensions(error, {"code": _code_of(error)}), "message": without_echo(error.message)}
    if _is_connection_lost(cause):
        away = absence_of(cause)
        # Where a restored database is put in, there is nothing to find out.
        logger.warning(away.message, exc_info=None if isinstance(away, Restoring) else cause)
        return {**_with_extensions(error, away.extensions), "message": away.message}
    return {**error.formatted, **_masked(cause)}


def errors_of(error: MaestroError) -> list[Mapping[str, Any]]:
    """Return the errors of an answer that has one only, which no field has raised."""
    return [{"message": error.message, "extensions": traced(error.extensions)}]


def encoded(answer: object) -> bytes:
    """Write an answer, or several, as JSON."""
    return orjson.dumps(answer, default=_plain)


def traced(extensions: Mapping[str, Any]) -> dict[str, Any]:
    """Return an error's extensions with the trace id of the request."""
    trace_id = tracing.current()
    return {**extensions} if trace_id is None else {**extensions, "traceId": trace_id}


def without_echo(message: str) -> str:
    """Return graphql-core's message without the value that it repeats at the end."""
    said = ECHO.sub("", message)
    return said if said == message or said.endswith("?") else f"{said}."


def error_response(status: int, code: str, message: str, *, hint: str | None = None) -> JSONResponse:
    """Return an answer in GraphQL's form for a request that never became an operation."""
    extensions = traced({"code": code} if hint is None else {"code": code, "hint": hint})
    return JSONResponse({"errors": [{"message": message, "extensions": extensions}]}, status)


def absence_response(error: BaseException) -> JSONResponse:
    """Return the answer to a request while the database does not answer, with when to try again."""
    absence = absence_of(error)
    response = refusal_of(absence, 503)
    response.headers["retry-after"] = str(retry_after(absence.extensions))
    return response


def retry_after(extensions: Mapping[str, Any]) -> int:
    """Return after how many seconds it is worth trying again what was not done because of the server."""
    return int(extensions.get("retryAfterSeconds") or RETRY_S)


def refusal_of(error: MaestroError, status: int) -> JSONResponse:
    """Return an answer in GraphQL's form that is nothing but an error."""
    return JSONResponse({"errors": errors_of(error)}, status)


async def refused(request: Request, error: Exception) -> JSONResponse:
    """Answer a request that no route takes."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:  # noqa: PLR2004 -- Not Found
        return error_response(status, NotFound.code, "There is nothing at this address.")
    message = f"The method {request.method} is not for this address." if status == 405 else "The request is refused."  # noqa: PLR2004 -- Method Not Allowed
    response = error_response(status, "BAD_REQUEST", message)
    response.headers.update(getattr(error, "headers", None) or {})
    return response


async def lost(request: Request, error: Exception) -> JSONResponse:
    """Answer a request outside of an operation, such as that of a file, that could not reach the database."""
    if not _is_connection_lost(error):
        raise error
    logger.warning("The database does not answer %s", request.url.path, exc_info=error)
    return absence_response(error)


async def failed(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001 -- Starlette's signature
    """Mask what nobody has expected outside of an operation; the server below logs the error itself."""
    return JSONResponse({"errors": [_masked()]}, 500)


def _masked(cause: Exception | None = None) -> dict[str, Any]:
    """Log an error that nobody has expected, and return all that is told of it."""
    trace_id = tracing.current() or tracing.new_id()
    logger.error("Unexpected error, trace id %s", trace_id, exc_info=cause)
    return {"message": MASKED, "extensions": {"code": "INTERNAL_SERVER_ERROR", "traceId": trace_id}}


def _with_extensions(error: GraphQLError, extensions: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**error.formatted, "extensions": traced({**(error.extensions or {}), **extensions})}


def _is_connection_lost(cause: Exception) -> bool:
    # What the operating system says of a file names it.
    return isinstance(cause, CONNECTION_LOST) and getattr(cause, "filename", None) is None


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _is_bad_literal(error: GraphQLError) -> bool:
    # Such as a number with more digits than Python reads.
    return error.path is None and isinstance(error.original_error, ValueError)


def _code_of(error: GraphQLError) -> str:
    if isinstance(error, GraphQLSyntaxError):
        return "GRAPHQL_PARSE_FAILED"
    if error.path is not None or isinstance(error.original_error, GraphQLError) or COERCION.match(error.message):
        return "BAD_USER_INPUT"
    return "GRAPHQL_VALIDATION_FAILED"
