"""What a request asks for: by POST in a JSON body, by GET in the query of its address."""

import re
from functools import lru_cache
from typing import Any, Final

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import Request

from app.graphql.negotiation import PARAMETERS, parameter
from app.graphql.refusals import Refused, malformed
from maestro.errors import BadRequest, PayloadTooLarge
from maestro.requests import MOST_BRACKETS, MOST_COMMAS, OperationRequest, is_too_dense, request_of

ADDRESSES: Final = 512
"""So many addresses are kept with what they ask for."""
TEXTS: Final = ("query", "operationName", "documentId")
OBJECTS: Final = ("variables", "extensions")
"""Members of a request that are JSON in an address; an empty one counts as none."""
_NO_NUMBER: Final = re.compile(r"-?(NaN|Infinity|\d+(\.\d+)?[eE])")
"""What people write for a number that JSON does not have, or that is too large for one."""


Batch = list[OperationRequest | BadRequest]
"""The operations of a request that has several; what is wrong with one stands in its place."""


async def read(request: Request, *, max_batch: int) -> OperationRequest | Batch:
    """Read a request; Refused for what is none."""
    if request.method == "POST":
        _require_json(request.headers.get("content-type", ""))
        content = _json(await request.body())
        if isinstance(content, list):
            return _batch(content, max_batch)
    else:
        return _in_address(request.scope["query_string"])
    return _request(content)


def _require_json(content_type: str) -> None:
    # A page of another site can send a form or plain text with the user's cookie, but not this type unasked.
    media_type, *rest = PARAMETERS.findall(content_type) or [""]
    charset = dict(map(parameter, rest)).get("charset", "utf-8")
    if media_type.strip().lower() != "application/json":
        raise Refused(415, BadRequest("The body must be application/json."))
    if charset not in ("utf-8", "utf8"):
        raise Refused(415, BadRequest("The body must be in UTF-8."))


def _json(body: bytes) -> Any:
    if is_too_dense(body):
        problem = f"The body holds more than {MOST_BRACKETS:,} lists and objects, or {MOST_COMMAS:,} values."
        raise Refused(413, PayloadTooLarge(problem, limit=MOST_BRACKETS, hint="Send it in parts."))
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        advice = ". Write NaN and infinities as strings" if _NO_NUMBER.match(error.doc, error.pos) else ""
        raise Refused(400, BadRequest(f"The body is not JSON at {place}: {error.msg}{advice}.")) from error


def _request(content: object) -> OperationRequest:
    try:
        return request_of(content)
    except BadRequest as error:
        raise malformed(error) from error


@lru_cache(ADDRESSES)
def _in_address(query: bytes) -> OperationRequest:
    """Read the query of an address. The same ones come again and again, since what is fetched by them may be kept."""
    given = QueryParams(query)
    content: dict[str, Any] = {name: given[name] for name in TEXTS if given.get(name)}
    for name in OBJECTS:
        if text := given.get(name):
            try:
                content[name] = orjson.loads(text)
            except orjson.JSONDecodeError as error:
                problem = BadRequest(f"{name} is not JSON: {error.msg}.", field=name)
                raise Refused(400, problem) from error
    return _request(content)


def _batch(content: list[Any], most: int) -> Batch:
    if not most:
        hint = "Send each operation by itself, or set MAESTRO_MAX_BATCH."
        raise Refused(400, BadRequest("Batching is not enabled.", hint=hint))
    if not 0 < len(content) <= most:
        raise Refused(400, BadRequest(f"A batch holds 1 to {most} operations.", limit=most))
    return [_member(value) for value in content]


def _member(value: object) -> OperationRequest | BadRequest:
    try:
        return request_of(value)
    except BadRequest as error:
        return error
