"""Which backups are kept, by examples and for any backups and policies."""

from datetime import UTC, date, datetime, timedelta, timezone
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.settings import Settings
from ops.backups.retention import Held, Policy, Rule, judge, policy_of

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
NONE = Policy(last=0, daily=0, weekly=0, monthly=0, days=0)


def held(number: int, created_at: datetime, **more: bool) -> Held:
    return Held(id=UUID(int=number), created_at=created_at, **{"is_verified": True, **more})


def nightly(days: int) -> list[Held]:
    """A backup each night, the latest first."""
    return [held(day, NOW - timedelta(days=day, hours=9)) for day in range(days)]


def kept(backups: list[Held], policy: Policy) -> list[int]:
    return [verdict.id.int for verdict in judge(backups, policy, now=NOW) if verdict.is_kept]


def test_the_last_ones_are_kept() -> None:
    assert kept(nightly(10), Policy(last=3, daily=0, weekly=0, monthly=0, days=0)) == [0, 1, 2]


def test_everything_of_the_last_days_is_kept() -> None:
    assert kept(nightly(10), Policy(last=0, daily=0, weekly=0, monthly=0, days=3)) == [0, 1, 2]


def test_a_day_is_stood_for_by_its_last_backup() -> None:
    hourly = [held(hour, NOW - timedelta(hours=hour)) for hour in range(40)]
    assert kept(hourly, Policy(last=0, daily=2, weekly=0, monthly=0, days=0)) == [0, 13]


def test_a_week_begins_on_monday_and_a_month_on_its_first() -> None:
    weekly = kept(nightly(30), Policy(last=0, daily=0, weekly=3, monthly=0, days=0))
    assert [(NOW - timedelta(days=day, hours=9)).date() for day in weekly] == [
        date(2026, 11, 29),
        date(2026, 11, 22),
        date(2026, 11, 15),
    ]
    monthly = kept(nightly(90), Policy(last=0, daily=0, weekly=0, monthly=3, days=0))
    assert [(NOW - timedelta(days=day, hours=9)).date() for day in monthly] == [
        date(2026, 11, 29),
        date(2026, 10, 31),
        date(2026, 9, 30),
    ]


def test_periods_without_a_backup_do_not_count() -> None:
    rare = [held(number, NOW - timedelta(days=100 * number)) for number in range(5)]
    assert kept(rare, Policy(last=0, daily=2, weekly=0, monthly=3, days=0)) == [0, 1, 2]


def test_a_verified_backup_stands_for_its_day_before_a_later_one_that_is_not() -> None:
    two = [held(0, NOW, is_verified=False), held(1, NOW - timedelta(hours=1))]
    assert kept(two, Policy(last=0, daily=1, weekly=0, monthly=0, days=0)) == [1]


def test_days_are_those_of_utc_whatever_the_zone_of_a_moment() -> None:
    tokyo = timezone(timedelta(hours=9))
    two = [held(0, datetime(2026, 11, 29, 8, tzinfo=tokyo)), held(1, datetime(2026, 11, 28, 22, tzinfo=UTC))]
    assert kept(two, Policy(last=0, daily=2, weekly=0, monthly=0, days=0)) == [0]


def test_the_last_verified_one_is_kept_though_later_ones_and_no_rule_would() -> None:
    backups = [held(0, NOW, is_verified=False), held(1, NOW - timedelta(days=400)), held(2, NOW - timedelta(days=401))]
    (latest, verified, oldest) = judge(backups, NONE, now=NOW)
    assert (latest.is_kept, verified.rules, oldest.is_kept) == (False, (Rule.LAST_VERIFIED,), False)


def test_protected_ones_and_those_in_the_making_are_kept_and_take_nobodys_place() -> None:
    backups = [
        held(0, NOW, is_whole=False),
        held(1, NOW - timedelta(days=1)),
        held(2, NOW - timedelta(days=300), is_protected=True),
        held(3, NOW - timedelta(days=301)),
    ]
    verdicts = {
        one.id.int: one.rules for one in judge(backups, Policy(last=1, daily=0, weekly=0, monthly=0, days=0), now=NOW)
    }
    assert verdicts == {0: (Rule.MAKING,), 1: (Rule.LAST_VERIFIED, Rule.LAST), 2: (Rule.PROTECTED,), 3: ()}


def test_the_rules_that_keep_a_backup_are_told_the_strongest_first() -> None:
    (only,) = judge([held(0, NOW, is_protected=True)], Policy(), now=NOW)
    assert only.rules == (
        Rule.PROTECTED,
        Rule.LAST_VERIFIED,
        Rule.LAST,
        Rule.DAYS,
        Rule.DAILY,
        Rule.WEEKLY,
        Rule.MONTHLY,
    )


def test_the_policy_is_that_of_the_settings() -> None:
    settings = Settings(_env_file=None, backup_keep_last=1, backup_keep_daily=2)  # type: ignore[call-arg] # pydantic's
    assert policy_of(settings) == Policy(last=1, daily=2, weekly=8, monthly=12, days=30)


MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2026, 11, 29), timezones=st.just(UTC))  # noqa: DTZ001 -- given below
BACKUPS = st.lists(
    st.builds(
        Held,
        id=st.uuids(),
        created_at=MOMENTS,
        is_verified=st.booleans(),
        is_protected=st.booleans(),
        is_whole=st.booleans(),
    ),
    max_size=60,
    unique_by=lambda one: one.id,
)
SOME = st.integers(0, 12)
POLICIES = st.builds(Policy, last=SOME, daily=SOME, weekly=SOME, monthly=SOME, days=st.integers(0, 400))


@given(BACKUPS, POLICIES)
def test_what_must_stay_stays(backups: list[Held], policy: Policy) -> None:
    verdicts = {one.id: one for one in judge(backups, policy, now=NOW)}
    assert set(verdicts) == {one.id for one in backups}
    for one in backups:
        if one.is_protected or not one.is_whole or one.created_at > NOW - timedelta(days=policy.days):
            assert verdicts[one.id].is_kept
    verified = [one for one in backups if one.is_verified and one.is_whole]
    if verified:
        assert verdicts[max(verified, key=lambda one: (one.created_at, one.id)).id].is_kept


@given(BACKUPS, POLICIES)
def test_no_rule_keeps_more_than_it_says(backups: list[Held], policy: Policy) -> None:
    verdicts = judge(backups, policy, now=NOW)
    counts = {rule: sum(rule in one.rules for one in verdicts) for rule in Rule}
    assert counts[Rule.LAST] <= policy.last
    assert counts[Rule.DAILY] <= policy.daily
    assert counts[Rule.WEEKLY] <= policy.weekly
    assert counts[Rule.MONTHLY] <= policy.monthly
    assert counts[Rule.LAST_VERIFIED] <= 1


@given(BACKUPS, POLICIES)
def test_removing_what_goes_and_judging_again_removes_no_more(backups: list[Held], policy: Policy) -> None:
    staying = {one.id for one in judge(backups, policy, now=NOW) if one.is_kept}
    again = judge([one for one in backups if one.id in staying], policy, now=NOW)
    assert {one.id for one in again if one.is_kept} == staying


@given(BACKUPS, POLICIES, st.randoms(use_true_random=False))
def test_the_order_in_which_backups_are_given_makes_no_difference(
    backups: list[Held], policy: Policy, chance: Random
) -> None:
    mixed = [*backups]
    chance.shuffle(mixed)
    assert judge(mixed, policy, now=NOW) == judge(backups, policy, now=NOW)


@given(BACKUPS, POLICIES, SOME)
def test_a_more_generous_policy_keeps_at_least_as_much(backups: list[Held], policy: Policy, more: int) -> None:
    larger = Policy(
        last=policy.last + more,
        daily=policy.daily + more,
        weekly=policy.weekly + more,
        monthly=policy.monthly + more,
        days=policy.days + more,
    )
    before = {one.id for one in judge(backups, policy, now=NOW) if one.is_kept}
    assert before <= {one.id for one in judge(backups, larger, now=NOW) if one.is_kept}


@pytest.mark.parametrize("policy", [NONE, Policy()])
def test_of_no_backups_nothing_is_said(policy: Policy) -> None:
    assert judge([], policy, now=NOW) == []
