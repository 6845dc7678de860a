"""fakesnow as a server that connectors of Snowflake from 5.0 on understand; run in its own environment, with a port.

fakesnow answers in the words of older connectors, leaves out what they did not read, and stops nothing. What is missing
is put around its two requests that matter, to sign in and to run a statement.
"""

import asyncio
import gzip
import importlib
import json
import re
import secrets
import sys
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Final

import duckdb
import pyarrow as pa
import uvicorn
from snowflake.connector.errors import ProgrammingError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

server: Any = importlib.import_module("fakesnow.server")  # `fakesnow.server` is a function of its package
NOTHING_HAPPENS: Final = [
    r"(?i)^\s*(create|alter|drop)\s+(or\s+replace\s+)?warehouse\b",
    r"(?i)^\s*alter\s+session\b",
]
"""Statements that DuckDB has nothing for: they are taken, and change nothing."""
SIGNED: Final = (
    "host;content-encoding;x-goog-if-generation-match;"
    "x-goog-meta-encryptiondata;x-goog-meta-matdesc;x-goog-meta-sfc-digest"
).replace(";", "%3B")
"""The headers that the connector sends with a file; it wants each of them among the signed ones."""
SESSION: Final[dict[str, Any]] = {
    "validityInSeconds": 3600,
    "masterValidityInSeconds": 14_400,
    "displayUserName": "FAKE",
    "firstLogin": False,
    "remMeToken": None,
    "remMeValidityInSeconds": 0,
    "healthCheckInterval": 45,
    "newClientForUpgrade": None,
    "idToken": None,
    "idTokenValidityInSeconds": 0,
    "mfaToken": None,
    "mfaTokenValidityInSeconds": 0,
}
STAGE: Final[dict[str, Any]] = {
    "region": "us-central1",
    "endPoint": None,
    "storageAccount": None,
    "isClientSideEncrypted": False,
    "useS3RegionalUrl": False,
    "useRegionalUrl": False,
    "useVirtualUrl": False,
}
UPLOAD: Final[dict[str, Any]] = {
    "sourceCompression": "auto_detect",
    "threshold": 209_715_200,
    "clientShowEncryptionParameter": False,
    "statementTypeId": 0,
}
NOT_SUPPORTED: Final = ("000002", "0A000", "Unsupported feature")
CANCELLED: Final = ("000604", "57014", "SQL execution canceled")
Handler = Callable[[Request], Awaitable[JSONResponse]]

running: dict[str, tuple[str, Any]] = {}
"""The text of each statement that runs now, and the connection of DuckDB that runs it, by the ids of the requests."""
stopped: set[str] = set()
stopping: set[asyncio.Task[None]] = set()

nullless_rows = server.to_sf
values_of_fewer_types = server.from_binding
ran = server.FakeSnowflakeCursor.execute
connected = server.shared_fs.connect
locally_staged = server.gcs_stage_info


def rows(table: pa.Table, types: list[Any]) -> pa.Table:
    """Answer timestamps that are NULL as NULL, where fakesnow answers the beginning of 1970."""
    made = nullless_rows(table, types)
    for number, column in enumerate(table.columns):
        if pa.types.is_timestamp(column.type):
            values, field = made.column(number).combine_chunks(), made.schema.field(number)
            parts = [part.with_nullable(True) for part in field.type]
            empty = column.combine_chunks().is_null()
            values = pa.StructArray.from_arrays(values.flatten(), fields=parts, mask=empty)
            made = made.set_column(number, field.with_type(values.type), values)
    return made


def value(binding: dict[str, Any]) -> Any:
    """Take decimals as they are, where fakesnow takes integers only."""
    if binding["type"] == "FIXED" and not re.fullmatch(r"-?\d+", binding["value"]):
        return Decimal(binding["value"])
    return values_of_fewer_types(binding)


def execute(self: Any, *given: Any, **options: Any) -> Any:
    """Answer rows that do not fit as Snowflake does, where fakesnow fails."""
    try:
        return ran(self, *given, **options)
    except duckdb.ConstraintException as error:
        raise ProgrammingError(msg=str(error), errno=100_072, sqlstate="22000") from error
    except (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException) as error:
        raise ProgrammingError(msg=str(error), errno=100_038, sqlstate="22018") from error


def connect(*given: Any, **options: Any) -> Any:
    return connected(*given, **{**options, "nop_regexes": options.get("nop_regexes") or NOTHING_HAPPENS})


def staged(*given: Any) -> dict[str, Any]:
    """Say of an address for a file what the connector looks for in one of Google's, so that it sends the file there."""
    stage = locally_staged(*given)
    signature = f"?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-SignedHeaders={SIGNED}&X-Goog-Signature=00"
    return {**STAGE, "path": stage["location"], **stage, "presignedUrl": stage["presignedUrl"] + signature}


def signed_in(sign_in: Handler) -> Handler:
    async def answer(request: Request) -> JSONResponse:
        told = json.loads(bytes((await sign_in(request)).body))
        tokens = {"masterToken": secrets.token_urlsafe(32), "sessionId": secrets.randbelow(2**48)}
        told["data"] = {**SESSION, **tokens, **(told.get("data") or {})}
        return JSONResponse({"code": None, "message": None, **told})

    return answer


def answered(run: Handler) -> Handler:
    async def answer(request: Request) -> JSONResponse:
        number = request.query_params.get("requestId", "")
        running[number] = await text_of(request), connection_of(request)
        try:
            response = await run(request)
        finally:
            del running[number]
        if response.status_code == 500:
            return refusal(CANCELLED if number in stopped else NOT_SUPPORTED)
        told = json.loads(bytes(response.body))
        if "stageInfo" in (told.get("data") or {}):
            told["data"] = {**UPLOAD, **told["data"]}
        return JSONResponse(told, response.status_code)

    return answer


async def text_of(request: Request) -> str:
    body = await request.body()
    is_packed = request.headers.get("content-encoding") == "gzip"
    return str(json.loads(gzip.decompress(body) if is_packed else body)["sqlText"])


def connection_of(request: Request) -> Any:
    session = server.sessions.get(server.to_token(request))
    return session and session._duck_conn


def refusal(reason: tuple[str, str, str]) -> JSONResponse:
    code, state, message = reason
    told = {"errorCode": code, "sqlState": state}
    return JSONResponse({"data": told, "code": code, "message": message, "success": False})


async def abort(request: Request) -> Response:
    """Stop a statement, by the id of the request that runs it."""
    body = await request.body()
    is_packed = request.headers.get("content-encoding") == "gzip"
    number = json.loads(gzip.decompress(body) if is_packed else body)["requestId"]
    if number in running:
        stopped.add(number)
        stopping.add(task := asyncio.create_task(stop(number)))
        task.add_done_callback(stopping.discard)
    return JSONResponse({"data": None, "code": None, "message": None, "success": True})


async def stop(number: str) -> None:
    """Interrupt until it has ended: DuckDB forgets what comes before a statement has really begun."""
    while number in running:
        running[number][1].interrupt()
        await asyncio.sleep(0.05)


async def list_running(request: Request) -> Response:
    return JSONResponse([text for text, _ in running.values()])


async def ignore(request: Request) -> Response:
    return JSONResponse({"data": None, "code": None, "message": None, "success": True})


def serve(port: int) -> None:
    server.FakeSnowflakeCursor.execute = execute
    server.to_sf = rows
    server.from_binding = value
    server.shared_fs.connect = connect
    server.gcs_stage_info = staged
    better: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/session/v1/login-request": signed_in(server.login_request),
        "/queries/v1/query-request": answered(server.query_request),
        "/queries/v1/abort-request": abort,
        "/telemetry/send": ignore,
    }
    kept = [route for route in server.app.routes if getattr(route, "path", "") not in better]
    routes = [Route(path, handler, methods=["POST"]) for path, handler in better.items()]
    server.app.router.routes[:] = [*routes, Route("/running", list_running), *kept]
    uvicorn.run(server.app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    serve(int(sys.argv[1]))
