"""Use cases of quotas: set by whoever may, and kept by what creates or restores runs, logs points and stores files.

A process remembers the quotas and the usage of an organisation for a moment and adds what it writes itself. So runs and
bytes that other processes wrote in the last READ_EVERY_S seconds, or are just writing, may exceed a quota; points
cannot, since every group of batches counts up one row. Nobody is refused but on a reading made for that very request.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import func, select, update

from dataloaders.quotas import USAGE, WARNING_FROM, Quota, QuotaStanding, standings
from maestro.access import Permission
from maestro.clock import now
from maestro.db.engine import Database, Scope
from maestro.db.rows import Row
from maestro.db.tables import Organization
from maestro.errors import InvalidInput, QuotaExceeded
from maestro.telemetry.access import QUOTAS
from resolvers.context import Context
from resolvers.writing import writing

READ_EVERY_S: Final = 3.0
MOST: Final = 2**53 - 1
PHRASES: Final = {
    Quota.RUNS: "runs in use",
    Quota.POINTS_PER_DAY: "points a day (UTC)",
    Quota.STORAGE_BYTES: "bytes of files",
}


@dataclass(slots=True)
class _Account:
    """The quotas that an organisation has, with what is used of them, as they were read and counted up since."""

    quotas: dict[Quota, QuotaStanding]
    read_at: float = field(default_factory=time.monotonic)
    day: date = field(default_factory=lambda: now().date())

    @property
    def is_stale(self) -> bool:
        return time.monotonic() - self.read_at > READ_EVERY_S or self.day != now().date()


_ACCOUNTS: Final[WeakKeyDictionary[Database, dict[Any, _Account]]] = WeakKeyDictionary()


async def set_quotas(ctx: Context, changes: Mapping[str, int | None]) -> Row:
    """Set quotas of the viewer's organisation by the names of Quota and return its row; None removes one.

    Forbidden, InvalidInput for a number out of 0 … 2^53 - 1.
    """
    ctx.require(Permission.QUOTA_MANAGE)
    for name, value in changes.items():
        if value is not None and not 0 <= value <= MOST:
            raise InvalidInput(f"{name} is {value}.", field=name, hint="A quota is 0 or more; null removes it.")
    async with writing(ctx) as writer:
        c = Organization.__table__.c
        mine = c.id == ctx.organization_id
        (found,) = await writer.tx.fetch(select(c.quotas).where(mine).with_for_update(key_share=True))
        quotas = {name: value for name, value in {**found.quotas, **changes}.items() if value is not None}
        query = update(Organization).where(mine).values(quotas=quotas, version=c.version + 1, updated_at=func.now())
        (changed,) = await writer.tx.fetch(query.returning(*c))
        writer.changed(Organization, changed.id, before={"quotas": found.quotas}, after={"quotas": quotas})
    _accounts(ctx).pop(ctx.organization_id, None)
    return changed


async def prepare(ctx: Context, quota: Quota, amount: int | None = 1) -> None:
    """Know whether an amount fits; reads when nothing is known, when that is old, and when it seems not to fit.

    It reads as well for None, an amount that shows later. To be called before a transaction is opened: it takes a
    connection of its own.
    """
    account = _accounts(ctx).get(ctx.organization_id)
    if account is not None and not account.is_stale and amount is not None and has_room(ctx, quota, amount):
        return
    if account is not None:
        # Who comes while this one reads takes what is known.
        account.read_at = time.monotonic()
    # A quota is of the whole organisation, also where the viewer sees only some projects of it.
    rows = await ctx.runtime.db.within(Scope(ctx.organization_id)).fetch(USAGE, organization_id=ctx.organization_id)
    known = {one.name: one for row in rows for one in standings(row)}
    _accounts(ctx)[ctx.organization_id] = _Account(known)


def has_room(ctx: Context, quota: Quota, amount: int = 1) -> bool:
    """Say whether an amount fits, by what is known."""
    known = _known(ctx, quota)
    return known is None or amount <= 0 or known.used + amount <= known.limit


def room(ctx: Context, quota: Quota) -> int | None:
    """Return how much fits, by what is known; None without a quota."""
    known = _known(ctx, quota)
    return None if known is None else max(known.limit - known.used, 0)


def require(ctx: Context, quota: Quota, amount: int = 1) -> None:
    """Raise QuotaExceeded unless an amount fits, and warn the client when the quota is nearly used up by it."""
    known = _known(ctx, quota)
    if known is None:
        return
    if not has_room(ctx, quota, amount):
        raise exceeded(known)
    after = replace(known, used=known.used + amount)
    if amount > 0 and after.ratio >= WARNING_FROM:
        told = f"{after.used:,} of {after.limit:,} {PHRASES[quota]} are used."
        warning = {"quota": quota.name, "limit": after.limit, "used": after.used, "message": told}
        ctx.warnings[:] = [*(one for one in ctx.warnings if one["quota"] != quota.name), warning]


def take(ctx: Context, quota: Quota, amount: int = 1) -> None:
    """Require an amount and count it."""
    require(ctx, quota, amount)
    if known := _known(ctx, quota):
        learn(ctx, quota, known.used + amount)


def learn(ctx: Context, quota: Quota, used: int) -> QuotaStanding | None:
    """Take note of how much is used, and return the quota if it is set."""
    known = _known(ctx, quota)
    if known is None:
        return None
    standing = _accounts(ctx)[ctx.organization_id].quotas[quota] = replace(known, used=used)
    return standing


def exceeded(quota: QuotaStanding) -> QuotaExceeded:
    """Return the error for what does not fit into a quota."""
    QUOTAS.add((quota.name.value,))
    return QuotaExceeded(
        f"This organization may have {quota.limit:,} {PHRASES[quota.name]} and has {quota.used:,}.",
        hint="Wait for the next day, UTC, or have the quota raised."
        if quota.name is Quota.POINTS_PER_DAY
        else "Delete what is not needed any more, or have the quota raised.",
        quota=quota.name.name,
        limit=quota.limit,
        used=quota.used,
    )


def _accounts(ctx: Context) -> dict[Any, _Account]:
    return _ACCOUNTS.setdefault(ctx.runtime.db, {})


def _known(ctx: Context, quota: Quota) -> QuotaStanding | None:
    account = _accounts(ctx).get(ctx.organization_id)
    return None if account is None else account.quotas.get(quota)
