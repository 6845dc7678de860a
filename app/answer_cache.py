"""Whole answers that are given again, as they were, while nothing that they were made of has changed.

Kept are the bytes of `data` of a query all of whose fields may be kept, for the same document, variables and operation
and for whoever sees and may do the same. A viewer is looked at and charged before an answer is given.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import orjson

from execution.policy import Policy, Scope
from maestro.access import Viewer
from maestro.cache import Answer, Answers, Snapshot
from maestro.rate_limits import Bucket, Receipt
from maestro.requests import OperationRequest
from resolvers.context import Context
from schema import operations
from schema.keeping import policy_in

LONGEST: Final = 64 * 1024
"""Bytes of variables; longer ones are seldom sent twice."""
TAG_SIZE: Final = 16


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that may be given again, and to whom."""

    answer: Answer
    scope: Scope


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer belongs: its key, and how the data stood when it was asked for."""

    answers: Answers
    key: Hashable
    policy: Policy
    snapshot: Snapshot

    def found(self) -> Kept | None:
        """Return the answer that is there and still so."""
        answer = self.answers.find(self.key, self.snapshot)
        return None if answer is None else Kept(answer, self.policy.scope)

    async def awaited(self) -> Kept | None:
        """Return the answer that somebody else computes by now; None where it is for the caller, who says `done`."""
        return self.found() if await self.answers.awaited(self._computing) else None

    def done(self) -> None:
        """Let those go on who wait for the answer."""
        self.answers.done(self._computing)

    @property
    def _computing(self) -> Hashable:
        """What stands for the computation of the answer: another one for other data."""
        return self.key, self.snapshot.of(self.policy.tags)

    def keep(self, data: bytes, *, cost: int, actual: int) -> Kept:
        """Keep the bytes of `data`, which were read after the versions, with what they cost."""
        made = Answer(
            body=data,
            tag=tag_of(data),
            tags=self.policy.tags,
            versions=self.snapshot.of(self.policy.tags),
            max_age=self.policy.max_age,
            cost=cost,
            actual=actual,
        )
        self.answers.keep(self.key, made)
        return Kept(made, self.policy.scope)


async def find(ctx: Context, asked: OperationRequest, text: str) -> Place | None:
    """Return where the answer to a request is, or belongs; None where it is not known to be one that may be kept.

    A document is known to be valid once it was run.
    """
    if ctx.runtime.cache is None:
        return None
    prepared = ctx.prepared = operations.prepare(text)
    if not prepared.is_known_valid:
        return None
    policy = policy_in(prepared, asked.operation_name)
    if not policy.is_cacheable:
        return None
    await ctx.loaders.snapshot()
    return _place(ctx, asked, policy=policy)


async def charged(ctx: Context, answer: Answer) -> Receipt:
    """Charge a viewer for an answer as if it had been computed."""
    ctx.cost = answer.cost
    ctx.receipt = await ctx.runtime.limiter.charge(ctx.viewer, {Bucket.REQUESTS: 1, Bucket.COST: answer.cost})
    return ctx.receipt


def keep(ctx: Context, asked: OperationRequest, answer: Mapping[str, Any], *, data: bytes) -> Kept | None:
    """Keep an answer that was computed, at the versions from before; None for one that may not be kept."""
    policy = ctx.policy
    if policy is None or not policy.is_cacheable or ctx.warnings:
        return None
    place = _place(ctx, asked, policy=policy)
    cost = answer["extensions"]["cost"]
    return None if place is None else place.keep(data, cost=cost["requested"], actual=cost["actual"])


def answer_from(ctx: Context, kept: Answer) -> dict[str, Any]:
    """Return an answer that was kept, with what it costs and what is left by now."""
    cost: dict[str, Any] = {"requested": kept.cost, "actual": kept.actual}
    if ctx.receipt is not None and (standing := ctx.receipt.standing(Bucket.COST)):
        cost |= {"remaining": standing.remaining, "limit": standing.rate.amount}
    return {"data": orjson.Fragment(kept.body), "extensions": {"cost": cost}}


def tag_of(data: bytes) -> str:
    """Return the entity tag of an answer: weak, since what else the body tells differs each time."""
    return f'W/"{blake2b(data, digest_size=TAG_SIZE).hexdigest()}"'


def _place(ctx: Context, asked: OperationRequest, *, policy: Policy) -> Place | None:
    """Return where the answer to a request belongs, at the versions that were asked for first; None for nowhere."""
    # Asked for now, they could be newer than what was read.
    snapshot, cache, prepared = ctx.loaders.seen, ctx.runtime.cache, ctx.prepared
    if snapshot is None or cache is None or prepared is None:
        return None
    variables = orjson.dumps(asked.variables, option=orjson.OPT_SORT_KEYS) if asked.variables else b""
    if len(variables) > LONGEST:
        return None
    key = (prepared.sha256, asked.operation_name, variables, *seen_by(ctx.viewer, policy.scope))
    return Place(cache.answers, key, policy, snapshot)


def seen_by(viewer: Viewer, scope: Scope) -> tuple[Hashable, ...]:
    """Return what tells apart who is given an answer, as far as it can make a difference to one."""
    grants = viewer.grants
    inside = frozenset(grants.in_projects.items()) if grants.in_projects else None
    what = (viewer.organization_id, grants.everywhere, inside, grants.is_append_only, grants.is_narrowed)
    if scope is not Scope.VIEWER:
        return what
    return (*what, viewer.actor_id, viewer.name, viewer.email, viewer.method, viewer.api_key_id, viewer.session_id)
