"""The plans of the scenarios, in view of what is seen, and the objectives that they are judged by."""

from collections.abc import Callable

import pytest

from loadtests.scenarios.catalogue import SCENARIOS
from loadtests.scenarios.phases import Options, Phase, Seen
from loadtests.slo import OBJECTIVES
from loadtests.sockets import NAME

OPTIONS = Options(rate=100, seconds=20, requests=1000)


def seen(p95_ms: float = 10, *, errors: int = 0, unsent: int = 0, is_generator_limit: bool = False) -> Seen:
    return Seen(
        requests=100,
        errors=errors,
        p95_ms=p95_ms,
        p99_ms=p95_ms,
        is_generator_limit=is_generator_limit,
        unsent=unsent,
    )


def carried_out(scenario: str, look: Callable[[Phase], Seen]) -> list[Phase]:
    """The phases of a plan that sees what is told of each."""
    planned = SCENARIOS[scenario].plan
    assert planned is not None
    plan, phases = planned(OPTIONS), []
    phase = next(plan)
    while True:
        phases.append(phase)
        try:
            phase = plan.send(look(phase))
        except StopIteration:
            return phases


def rates(phases: list[Phase], name: str) -> list[float]:
    return [phase.rate or 0 for phase in phases if phase.name.startswith(name)]


@pytest.mark.parametrize(
    "bad",
    [seen(101), seen(errors=1), seen(unsent=1), seen(is_generator_limit=True)],
    ids=["slow", "error", "unsent", "limit"],
)
def test_the_baseline_holds_the_last_rate_that_was_kept(bad: Seen) -> None:
    phases = carried_out("baseline", lambda phase: bad if (phase.rate or 0) > 150 else seen())
    assert rates(phases, "step") == [100, 125, 156.25]
    assert rates(phases, "hold") == [125]
    assert [phase.name for phase in phases if phase.is_judged] == ["hold"]
    assert [phase.name for phase in phases[:2]] == ["ceiling", "warm-up"]


def test_the_baseline_goes_down_again_where_a_hold_is_not_kept() -> None:
    look = {"hold": lambda phase: seen(150 if (phase.rate or 0) > 100 else 10)}
    step: Callable[[Phase], Seen] = lambda phase: seen(150 if (phase.rate or 0) > 160 else 10)  # noqa: E731 -- beside the one above
    phases = carried_out("baseline", lambda phase: look.get(phase.name, step)(phase))
    assert rates(phases, "hold") == [156.25, 125, 100]


def test_the_baseline_is_judged_even_where_not_even_the_first_rate_is_kept() -> None:
    phases = carried_out("baseline", lambda _: seen(500))
    assert (rates(phases, "step"), rates(phases, "hold")) == ([100], [100])


def test_stress_goes_on_until_a_fifth_cannot_be_sent_and_then_back() -> None:
    phases = carried_out("stress", lambda phase: seen(unsent=30 if (phase.rate or 0) > 400 else 20))
    assert rates(phases, "step") == pytest.approx([160, 256, 409.6])
    assert [(phase.name, phase.rate) for phase in phases[-2:]] == [("settling", 100), ("after", 100)]


def test_a_spike_is_ten_times_as_high_as_what_is_around_it() -> None:
    phases = carried_out("spike", lambda _: seen())
    assert [(phase.name, phase.rate, phase.seconds) for phase in phases] == [
        ("calm", 100, 10),
        ("spike", 1000, 5),
        ("after", 100, 10),
    ]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_scenario_ends_with_a_phase_that_is_judged(scenario: str) -> None:
    assert carried_out(scenario, lambda _: seen())[-1].is_judged


def test_each_scenario_has_objectives_and_no_other_has() -> None:
    assert {*OBJECTIVES} == {*SCENARIOS, NAME}


def test_the_long_form_of_isolation_has_a_hundred_thousand_requests() -> None:
    assert SCENARIOS["tenant-isolation"].long.requests >= 100_000
    assert SCENARIOS["endurance"].short.seconds == 600
