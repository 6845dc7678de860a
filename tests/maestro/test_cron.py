"""Cron expressions in time zones, through the days on which clocks are changed."""

from datetime import UTC, datetime, timedelta

import pytest

from maestro.cron import check_cron, next_runs, times_due
from maestro.errors import InvalidInput

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def runs(cron: str, after: str, count: int, *, timezone: str = BERLIN) -> list[str]:
    return [f"{moment:%m-%d %H:%M:%S}" for moment in next_runs(cron, timezone, at(after), count)]


def test_times_are_read_in_the_time_zone() -> None:
    assert runs("30 9 * * 1-5", "2026-01-02T12:00", 2) == ["01-05 08:30:00", "01-06 08:30:00"]
    assert runs("30 9 * * *", "2026-01-02T12:00", 1, timezone="America/New_York") == ["01-02 14:30:00"]


def test_a_time_that_is_skipped_in_spring_fires_once_the_clock_has_passed_it() -> None:
    assert runs("30 2 * * *", "2026-03-28T00:00", 3) == ["03-28 01:30:00", "03-29 01:00:00", "03-30 00:30:00"]


def test_a_time_that_comes_twice_in_autumn_fires_once() -> None:
    assert runs("30 2 * * *", "2026-10-24T12:00", 2) == ["10-25 00:30:00", "10-26 01:30:00"]
    assert runs("0 1-4 * * *", "2026-10-24T22:30", 4)[1:] == ["10-25 00:00:00", "10-25 02:00:00", "10-25 03:00:00"]


def test_what_fires_at_any_hour_fires_in_both_of_them() -> None:
    half_hours = ["10-25 00:00:00", "10-25 00:30:00", "10-25 01:00:00", "10-25 01:30:00", "10-25 02:00:00"]
    assert runs("*/30 * * * *", "2026-10-24T23:50", 5) == half_hours
    assert len(next_runs("0 * * * *", BERLIN, at("2026-10-24T22:00"), 25)) == 25


def test_seconds_stand_at_the_end() -> None:
    assert runs("* * * * * */20", "2026-01-02T12:00", 2) == ["01-02 12:00:20", "01-02 12:00:40"]


def test_names_are_known() -> None:
    assert runs("@daily", "2026-01-02T12:00", 1) == ["01-02 23:00:00"]


@pytest.mark.parametrize("cron", ["30 2 * * *", "*/30 * * * *", "0 1-4 * * *", "0 0 1 * *"])
@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24"])
def test_what_is_due_is_what_was_foretold(cron: str, day: str) -> None:
    start = at(f"{day}T12:00")
    foretold = [one for one in next_runs(cron, BERLIN, start, 200) if one <= start + timedelta(days=2)]

    due = times_due(cron, BERLIN, since=start + timedelta(microseconds=1), until=start + timedelta(days=2), most=200)
    assert due == foretold


def test_a_time_is_due_at_its_own_moment() -> None:
    moment = at("2026-01-02T12:00")
    assert times_due("0 12 * * *", "UTC", since=moment, until=moment, most=9) == [moment]
    assert times_due("0 12 * * *", "UTC", since=moment, until=moment - timedelta(microseconds=1), most=9) == []


def test_of_many_that_are_due_the_last_ones_count() -> None:
    until = at("2026-06-01T00:00") + timedelta(milliseconds=1)
    due = times_due("* * * * * *", "UTC", since=at("2026-01-01T00:00"), until=until, most=3)
    assert due == [at("2026-05-31T23:59:58"), at("2026-05-31T23:59:59"), at("2026-06-01T00:00")]


@pytest.mark.parametrize(
    "cron", ["", "x", "61 * * * *", "*/0 * * * *", "R * * * *", "H * * * *", "@reboot", "* * * * * * 2030", "* " * 400]
)
def test_what_is_no_cron_expression_is_refused(cron: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_cron(cron)
    assert refused.value.details["field"] == "cron"


def test_a_day_that_never_comes_is_refused() -> None:
    with pytest.raises(InvalidInput, match="never fires"):
        check_cron("0 0 30 2 *")


@pytest.mark.parametrize("timezone", ["", "Mars/Olympus", "../etc/passwd", "\0", "Europe"])
def test_what_is_no_time_zone_is_refused(timezone: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_cron("0 0 * * *", timezone)
    assert refused.value.details["field"] == "timezone"
