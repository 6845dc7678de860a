"""Values in the memory of a process: what is counted, and how many series come of it at most."""

from collections.abc import Callable, Iterator

import pytest

from maestro.telemetry.values import FAMILIES, SWITCH, Counter, Family, Gauge, Histogram, Sample


@pytest.fixture
def made() -> Iterator[Callable[[Family], None]]:
    """Forgets families that a test has made: they are no families of the server."""
    before = set(FAMILIES)
    yield lambda _: None
    for name in set(FAMILIES) - before:
        del FAMILIES[name]
        SWITCH.crowded.pop(name, None)


@pytest.mark.usefixtures("made")
def test_a_counter_adds_up_by_its_labels() -> None:
    counter = Counter("made_total", "Made.", ["kind"])
    counter.add(("one",))
    counter.add(("one",), 2.5)
    counter.add(("other kind",))
    name = "maestro_made_total"
    assert list(counter.samples()) == [Sample(name, ("one",), 3.5), Sample(name, ("other kind",), 1.0)]


@pytest.mark.usefixtures("made")
def test_a_counter_without_labels_is_told_before_anything_was_counted() -> None:
    assert list(Counter("made_total", "Made.").samples()) == [Sample("maestro_made_total", (), 0.0)]


@pytest.mark.usefixtures("made")
def test_a_gauge_is_what_it_was_set_to_and_what_came_since() -> None:
    gauge = Gauge("made", "Made.")
    gauge.add(2)
    gauge.set(5)
    gauge.add(-1)
    assert list(gauge.samples()) == [Sample("maestro_made", (), 4)]


@pytest.mark.usefixtures("made")
def test_a_histogram_counts_each_amount_at_the_first_bound_that_it_does_not_exceed() -> None:
    histogram = Histogram("made_seconds", "Made.", bounds=(0.1, 1))
    for amount in (0.1, 0.5, 1, 2):
        histogram.observe(amount)
    assert list(histogram.samples()) == [
        Sample("maestro_made_seconds_bucket", ("0.1",), 1),
        Sample("maestro_made_seconds_bucket", ("1.0",), 2),
        Sample("maestro_made_seconds_bucket", ("+Inf",), 1),
        Sample("maestro_made_seconds_sum", (), 3.6),
    ]


@pytest.mark.usefixtures("made")
def test_what_a_family_has_no_room_for_is_counted_together() -> None:
    families = (
        Counter("made_total", "Made.", ["a", "b"], most=2),
        Gauge("made", "Made.", ["a", "b"], most=2),
        Histogram("made_seconds", "Made.", ["a", "b"], bounds=(1,), most=2),
    )
    for number in range(50):
        key = (str(number), "hostile")
        families[0].add(key)
        families[1].set(1.0, key)
        families[2].observe(1, key)
    for family in families:
        assert list(family.values) == [("0", "hostile"), ("1", "hostile"), ("other", "other")]
    assert families[0].values["other", "other"] == 48
    assert SWITCH.crowded["maestro_made_total"] == 48


@pytest.mark.usefixtures("made")
def test_nothing_is_counted_where_that_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    counter, gauge = Counter("made_total", "Made.", ["a"]), Gauge("made", "Made.")
    histogram = Histogram("made_seconds", "Made.", bounds=(1,))
    monkeypatch.setattr(SWITCH, "is_on", False)
    counter.add(("x",))
    gauge.add(1)
    gauge.set(1)
    histogram.observe(1)
    assert [*counter.samples(), *gauge.samples(), *histogram.samples()] == []
