"""Answers to GET that a client knows already: it names their tag, and they are not sent again."""

from typing import Final

from starlette.requests import Request

from app.answer_cache import tag_of
from app.answers import encoded
from app.graphql.running import Outcome
from app.middleware import ORGANIZATION
from execution.policy import Scope

VARY: Final = f"accept, authorization, cookie, {ORGANIZATION}"
NOT_MODIFIED: Final = 304


def tags_of(outcome: Outcome) -> dict[str, str]:
    """Return the headers of the answer to a GET that tell what may be kept of it, its entity tag among them.

    The tag is that of the data: what else an answer tells, such as what is left of a limit, differs each time. A cache
    may keep what is known to change by writes alone, if it asks each time whether it still holds, and what depends on
    no data for a while; of anything else it may keep nothing.
    """
    kept = outcome.kept
    if kept is None:
        return {"etag": tag_of(encoded(outcome.answer["data"])), "vary": VARY, "cache-control": "no-store"}
    told = {"etag": kept.answer.tag, "age": str(int(kept.answer.age))}
    if kept.scope is Scope.PUBLIC:
        return {**told, "vary": "accept", "cache-control": f"public, max-age={int(kept.answer.max_age)}"}
    return {**told, "vary": VARY, "cache-control": "private, no-cache"}


def cache_status(outcome: Outcome) -> dict[str, str]:
    """Return the header by which RFC 9211 tells whether an answer was kept before; none for what is never kept."""
    if outcome.kept is None:
        return {}
    return {"cache-status": "maestro; hit" if outcome.was_kept else "maestro; fwd=miss; stored"}


def is_known(request: Request, tag: str) -> bool:
    """Say whether the request names a tag in `If-None-Match`; weak and strong ones count alike."""
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    return bool(known & {tag.removeprefix("W/"), "*"})
