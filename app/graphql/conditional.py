"""Answers to GET that a client knows already: it names their tag, and they are not sent again."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from app.answer_cache import tag_of
from app.answers import encoded
from app.graphql.running import Outcome
from app.middleware import ORGANIZATION
from execution.policy import Scope

VARY: Final = f"accept, authorization, cookie, {ORGANIZATION}"
NOT_MODIFIED: Final = 304


def tagged(request: Request, response: Response, outcome: Outcome) -> Response:
    """Return the answer to a GET with a tag, or 304 to a client that has named the same one.

    The tag is that of the data: what else an answer tells, such as what is left of a limit, differs each time. One that
    has errors has none. A cache may keep what is known to change by writes alone, if it asks each time whether it still
    holds, and what depends on no data for a while; of anything else it may keep nothing.
    """
    if request.method == "POST" or response.status_code != 200 or "errors" in outcome.answer:  # noqa: PLR2004 -- OK
        return response
    kept, headers = outcome.kept, response.headers
    tag = tag_of(encoded(outcome.answer["data"])) if kept is None else kept.answer.tag
    headers["etag"], headers["vary"], headers["cache-control"] = tag, VARY, "no-store"
    if kept is not None:
        headers["age"], headers["cache-control"] = str(int(kept.answer.age)), "private, no-cache"
        if kept.scope is Scope.PUBLIC:
            headers["cache-control"], headers["vary"] = f"public, max-age={int(kept.answer.max_age)}", "accept"
    return _unchanged(response) if is_known(request, tag) else response


def is_known(request: Request, tag: str) -> bool:
    """Say whether the request names a tag in `If-None-Match`; weak and strong ones count alike."""
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    return bool(known & {tag.removeprefix("W/"), "*"})


def _unchanged(response: Response) -> Response:
    kept = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
    return Response(status_code=NOT_MODIFIED, headers=kept)
