"""Which backups are kept: the latest ones, and the last of so many days, weeks and months (grandfather-father-son)."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from maestro.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How many backups are kept by each rule; one that any rule keeps is kept. `days` is for how long all are."""

    last: int = 7
    daily: int = 14
    weekly: int = 8
    monthly: int = 12
    days: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A backup as retention sees it: whose data of which moment, and what speaks for it.

    `is_verified`: it was restored and compared. `is_protected`: somebody wants it kept, or a restore needs it.
    `is_whole`: it has come to its end; otherwise it is in the making.
    """

    id: UUID
    created_at: datetime
    is_verified: bool = False
    is_protected: bool = False
    is_whole: bool = True


class Rule(StrEnum):
    """Why a backup is kept."""

    MAKING = "MAKING"
    PROTECTED = "PROTECTED"
    LAST_VERIFIED = "LAST_VERIFIED"
    LAST = "LAST"
    DAYS = "DAYS"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to become of a backup: kept by some rules, the strongest one first; by none, it goes."""

    id: UUID
    rules: tuple[Rule, ...]

    @property
    def is_kept(self) -> bool:
        """Whether any rule keeps it."""
        return bool(self.rules)


def policy_of(settings: Settings) -> Policy:
    """Return the policy of a server."""
    return Policy(
        last=settings.backup_keep_last,
        daily=settings.backup_keep_daily,
        weekly=settings.backup_keep_weekly,
        monthly=settings.backup_keep_monthly,
        days=settings.backup_keep_days,
    )


def judge(backups: Iterable[Held], policy: Policy, *, now: datetime) -> list[Verdict]:
    """Say of each backup whether it is kept, the latest first.

    Days, weeks (ISO 8601) and months are those of UTC; each is stood for by its latest backup, by a verified one where
    it has any, and the latest periods that have a backup count. What is in the making or protected is kept and stands
    for nothing. The latest verified backup is kept whatever the policy is; of an empty policy nothing else remains.
    """
    ordered = sorted(backups, key=lambda one: (one.created_at, one.id), reverse=True)
    whole = [one for one in ordered if one.is_whole]
    kept: dict[Rule, set[UUID]] = {
        Rule.MAKING: {one.id for one in ordered if not one.is_whole},
        Rule.PROTECTED: {one.id for one in ordered if one.is_protected},
        Rule.LAST_VERIFIED: {one.id for one in [one for one in whole if one.is_verified][:1]},
        Rule.LAST: {one.id for one in whole[: policy.last]},
        Rule.DAYS: {one.id for one in whole if one.created_at > now - timedelta(days=policy.days)},
        Rule.DAILY: _of_periods(whole, policy.daily, _day),
        Rule.WEEKLY: _of_periods(whole, policy.weekly, _week),
        Rule.MONTHLY: _of_periods(whole, policy.monthly, _month),
    }
    return [Verdict(one.id, tuple(rule for rule, ids in kept.items() if one.id in ids)) for one in ordered]


def _of_periods(whole: list[Held], count: int, period: Callable[[datetime], Hashable]) -> set[UUID]:
    """Return who stands for the latest periods, of backups with the latest first."""
    chosen: dict[Hashable, Held] = {}
    for one in whole:
        found = chosen.setdefault(period(one.created_at.astimezone(UTC)), one)
        if one.is_verified and not found.is_verified:
            chosen[period(one.created_at.astimezone(UTC))] = one
    return {one.id for one in list(chosen.values())[:count]}


def _day(at: datetime) -> Hashable:
    return at.date()


def _week(at: datetime) -> Hashable:
    return at.isocalendar()[:2]


def _month(at: datetime) -> Hashable:
    return at.year, at.month
