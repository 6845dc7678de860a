"""Which status and headers an answer has, by its media type and what is in it."""

from collections.abc import Mapping
from typing import Any, Final

from app.answers import retry_after
from app.graphql.negotiation import Form
from maestro.errors import RateLimited, Restoring, Unavailable

FAILURES: Final = {Unavailable.code: 503, Restoring.code: 503, RateLimited.code: 429}
"""What says of the server, not of the request, why nothing was done: proxies and clients know what to do about these,
whatever the media type."""
UNFIT: Final = ("GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT")
"""Documents and variables that can be read and do not fit the schema."""
ASKING: Final = ("PERSISTED_QUERY_NOT_FOUND", "PERSISTED_QUERY_NOT_SUPPORTED")
"""Answers of automatic persisted queries that ask for the text; clients look for them in a body with status 200."""
PARTIAL_SUCCESS: Final = 294
UNPROCESSABLE: Final = 422


def failure_of(answer: Mapping[str, Any]) -> int | None:
    """Return the status of an answer that has nothing but one reason of the server's for it, None of any other."""
    if answer.get("data") is not None:
        return None
    codes = {error["extensions"].get("code") for error in answer.get("errors", ())}
    return FAILURES.get(codes.pop()) if len(codes) == 1 else None


def status_of(answer: Mapping[str, Any], form: Form, *, is_draft: bool) -> int:
    """Return the status of an answer to a request that has its form.

    `application/json` tells no error by its status, since those who read it cannot know who sent it.
    """
    if failure := failure_of(answer):
        return failure
    if form is not Form.RESPONSE:
        return 200
    if "data" in answer:
        return PARTIAL_SUCCESS if is_draft and "errors" in answer else 200
    code = _code_of(answer)
    if code in ASKING:
        return 200
    return UNPROCESSABLE if is_draft and code in UNFIT else 400


def headers_of(answer: Mapping[str, Any], status: int) -> dict[str, str]:
    """Return when to try again, where that helps, and that nobody may keep what is soon different."""
    if _code_of(answer) in ASKING:
        return {"cache-control": "private, no-cache, must-revalidate"}
    if status == FAILURES[Unavailable.code]:
        return {"retry-after": str(retry_after(answer["errors"][0]["extensions"]))}
    if status == FAILURES[RateLimited.code]:
        after = answer["errors"][0]["extensions"].get("retryAfterSeconds")
        return {"retry-after": str(after)} if after else {}
    return {}


def _code_of(answer: Mapping[str, Any]) -> str | None:
    """Return the code of the first error, None of an answer without one."""
    code: str | None = answer["errors"][0]["extensions"].get("code") if "errors" in answer else None
    return code
