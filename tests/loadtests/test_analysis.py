"""What is said of small logs, to the last number."""

import math
from pathlib import Path
from typing import Any

import pytest

from loadtests.analysis.errors import failures, hits, taxonomy
from loadtests.analysis.latency import by_operation, over_time, percentiles, recovery_s
from loadtests.analysis.limits import limits
from loadtests.analysis.measures import measures
from loadtests.analysis.reading import read
from loadtests.analysis.summary import summarised
from loadtests.analysis.verdict import verdicts
from tests.loadtests.logs import busy, line, logged, phase


def test_percentiles_are_times_that_were_measured(tmp_path: Path) -> None:
    run = read(logged(tmp_path, "baseline", [line(ms=ms) for ms in range(1, 101)]))
    assert percentiles(run.asked.total_ms) == {"p50_ms": 50, "p95_ms": 95, "p99_ms": 99, "max_ms": 100}


def test_a_request_counts_from_when_it_was_due(tmp_path: Path) -> None:
    run = read(logged(tmp_path, "baseline", [line(ms=20, late_ms=300)]))
    found = measures(run)
    assert (found["p95_ms"], found["sent_p95_ms"]) == (320, 20)


def test_percentiles_over_time_are_those_of_the_second_in_which_requests_were_due(tmp_path: Path) -> None:
    lines = [line(0.2, 10), line(0.4, 30), line(1.1, 50, late_ms=400), line(3.6, 70, error="TIMED_OUT")]
    spans = over_time(read(logged(tmp_path, "baseline", lines)).asked, 1)
    assert spans.index.tolist() == [0.5, 1.5, 2.5, 3.5]
    assert spans.p95_ms.dropna().to_dict() == {0.5: 450, 3.5: 70}
    assert spans.answered.tolist() == [3, 0, 0, 0]
    assert spans.failed.tolist() == [0, 0, 0, 1]


def test_operations_are_told_by_name_and_transport(tmp_path: Path) -> None:
    lines = [line(ms=1), line(ms=3), line(ms=5, via="POST", error="NOT_FOUND", bytes=7)]
    assert by_operation(read(logged(tmp_path, "baseline", lines)).requests) == [
        {"name": "Runs", "via": "GET", "requests": 2, "errors": 0}
        | {"p50_ms": 1, "p95_ms": 3, "p99_ms": 3, "max_ms": 3, "bytes": 100},
        {"name": "Runs", "via": "POST", "requests": 1, "errors": 1}
        | {"p50_ms": 5, "p95_ms": 5, "p99_ms": 5, "max_ms": 5, "bytes": 7},
    ]


def test_errors_are_told_by_class_transport_and_status(tmp_path: Path) -> None:
    lines = [
        line(1),
        line(2, error="RATE_LIMITED", status=429),
        line(3, error="RATE_LIMITED", status=429, name="Search"),
        line(4, error="ConnectionRefusedError", status=0, via="POST", phase="step 1"),
    ]
    run = read(logged(tmp_path, "baseline", lines))
    assert taxonomy(run.requests) == [
        {"error": "RATE_LIMITED", "via": "GET", "status": 429, "count": 2}
        | {"operations": "Runs, Search", "first_s": 2.0, "phases": "hold"},
        {"error": "ConnectionRefusedError", "via": "POST", "status": 0, "count": 1}
        | {"operations": "Runs", "first_s": 4.0, "phases": "step 1"},
    ]
    assert failures(run.requests) == 1


def test_the_part_of_kept_answers_is_that_of_those_that_may_be_kept(tmp_path: Path) -> None:
    lines = [line(cache="hit"), line(cache="hit", name="Run"), line(), line(cache="", name="Log")]
    assert hits(read(logged(tmp_path, "baseline", lines)).asked) == [
        {"name": "Run", "answers": 1, "hits": 1, "rate": 100.0},
        {"name": "Runs", "answers": 2, "hits": 1, "rate": 50.0},
        {"name": "all of them", "answers": 3, "hits": 2, "rate": pytest.approx(200 / 3)},
    ]


@pytest.mark.parametrize(
    ("slow", "expected"), [([], 0.0), ([0], 1.0), ([0, 2], 3.0), ([4], math.inf), ([0, 1, 2, 3, 4], math.inf)]
)
def test_recovery_ends_with_the_last_slow_second(tmp_path: Path, slow: list[int], expected: float) -> None:
    lines = [line(5.5 + second, 150 if second in slow else 20) for second in range(5)]
    assert recovery_s(read(logged(tmp_path, "spike", lines)).asked, 5, 100) == expected


@pytest.mark.parametrize(
    ("cores", "lag_ms", "expected"),
    [
        ({"server": 0.5, "postgres": 0.2, "generator": 0.4}, 5, ""),
        ({"server": 0.5, "postgres": 0.2, "generator": 0.9}, 5, "generator"),
        ({"server": 0.95, "postgres": 0.2, "generator": 0.5}, 40, "generator"),
        ({"server": 0.95, "postgres": 0.2, "generator": 0.5}, 5, "server"),
        ({"server": 0.6, "postgres": 0.7, "generator": 0.65}, 5, "machine"),
        ({"server": 0.3, "postgres": 0.2, "generator": 0.2, "others": 1.25}, 40, "others"),
    ],
)
def test_the_limit_of_a_phase_is_who_was_busy(
    tmp_path: Path, cores: dict[str, float], *, lag_ms: float, expected: str
) -> None:
    generator = [(at, at * cores["generator"], lag_ms) for at in range(11)]
    (found,) = limits(read(logged(tmp_path, "baseline", [line()], machine=busy(10, **cores), generator=generator)))
    assert found["limit"] == expected
    assert {name: found[name] for name in cores} == pytest.approx(cores)


def test_an_objective_that_was_not_measured_is_missed() -> None:
    assert [one.is_reached for one in verdicts("endurance", {"p95_ms": 1.0, "p99_ms": math.nan})] == [True] + [
        False
    ] * 6


def test_the_baseline_is_judged_by_its_last_hold(tmp_path: Path) -> None:
    phases = [
        phase("ceiling", 0, 10, mix="bare", rate=None, is_judged=False),
        phase("hold", 10, 20),
        phase("hold", 20, 30),
    ]
    lines = [
        *(line(5, 1, phase="ceiling", name="Bare", via="POST", cache="") for _ in range(40)),
        line(15, 500),
        *(line(25, 20) for _ in range(10)),
        line(25, 300, via="WS", name="Points", cache=""),
    ]
    machine = [{**one, "bare_cpu_s": one["server_cpu_s"]} for one in busy(30, server=0.1)]
    summary = summarised(read(logged(tmp_path, "baseline", lines, phases=phases, machine=machine)))
    assert summary["is_reached"]
    assert {name: summary["measures"][name] for name in ("rate", "p95_ms", "event_p95_ms", "ceiling_rate")} == {
        "rate": 1.0,
        "p95_ms": 20,
        "event_p95_ms": 300,
        "ceiling_rate": 4.0,
    }
    assert summary["measures"]["server_cpu_ms"] == pytest.approx(100)
    assert summary["measures"]["ceiling_cpu_ms"] == pytest.approx(25)


@pytest.mark.parametrize("unsent", [0, 3])
def test_what_could_not_be_sent_counts_as_failed(tmp_path: Path, unsent: int) -> None:
    phases = [phase("hold", 0, 10, seen={"unsent": unsent})]
    assert measures(read(logged(tmp_path, "baseline", [line()], phases=phases)))["errors"] == unsent


def test_a_refused_request_is_compared_with_a_served_one_beyond_what_idling_takes(tmp_path: Path) -> None:
    names = ("idle", "served", "refused")
    phases = [phase(name, 10 * number, 10 * number + 10, rate=None) for number, name in enumerate(names)]
    lines = [line(15, phase="served") for _ in range(100)]
    lines += [line(25, phase="refused", error="RATE_LIMITED", status=429) for _ in range(200)]
    spent = (
        [0.1 * at for at in range(11)] + [1 + 0.6 * at for at in range(1, 11)] + [7 + 0.2 * at for at in range(1, 11)]
    )
    machine = [{"at": at, "server_cpu_s": cpu, "machine_cpu_s": cpu} for at, cpu in enumerate(spent)]
    summary = summarised(read(logged(tmp_path, "rate-limit", lines, phases=phases, machine=machine)))
    found = summary["measures"]
    # (6 - 1) s for 100 requests, (2 - 1) s for 200
    assert [found[name] for name in ("served_cpu_ms", "refused_cpu_ms", "refused_cost")] == pytest.approx([50, 5, 10])
    assert found["served_beyond"] == 0


def test_growth_compares_the_first_and_the_last_tenth_after_the_warm_up(tmp_path: Path) -> None:
    phases = [phase("warm-up", 0, 10, is_judged=False), phase("endurance", 10, 110)]
    machine = [
        {"at": at, "server_rss_bytes": 1e8 if at < 60 else 1.03e8, "server_fds": 50 + (at == 60), "server_threads": 4}
        for at in range(1, 110)
    ]
    machine[0]["server_rss_bytes"] = 5e7
    lines = [line(50, phase="endurance")]
    found = measures(read(logged(tmp_path, "endurance", lines, phases=phases, machine=machine)))
    assert found["memory_growth"] == pytest.approx(3)
    assert (found["files_growth"], found["threads_growth"]) == (0, 0)
    assert math.isnan(found["tasks_growth"])


def test_one_answer_with_something_of_another_organisation_fails_the_scenario(tmp_path: Path) -> None:
    phases = [phase("side by side", 0, 10, rate=None)]
    asked = [line(phase="side by side", name="Run of another") for _ in range(5)]
    good = summarised(read(logged(tmp_path / "good", "tenant-isolation", asked, phases=phases)))
    leak = line(3, phase="side by side", error="VIOLATION", via="WS", name="Points")
    bad = summarised(read(logged(tmp_path / "bad", "tenant-isolation", [*asked, leak], phases=phases)))
    assert (good["is_reached"], good["measures"]["trespasses"]) == (True, 5)
    assert (bad["is_reached"], bad["measures"]["violations"]) == (False, 1)


def test_sockets_are_judged_by_their_memory_and_by_the_slowest_of_them(tmp_path: Path) -> None:
    names = ("before", "connecting", "idle", "fan-out")
    phases = [phase(name, 10 * number, 10 * number + 10, mix="sockets") for number, name in enumerate(names)]
    sizes = {9: 1e8, 19: 2e8, 29: 3e8, 39: 3.1e8}
    machine = [{"at": at, "server_rss_bytes": size, "server_cpu_s": at / 10} for at, size in sizes.items()]
    machine.append({"at": 31, "server_rss_bytes": 3e8, "server_cpu_s": 3.1})
    machine.sort(key=lambda row: row["at"])
    usual: dict[str, Any] = {"via": "WS", "status": 101, "cache": ""}
    lines = [line(15, phase="connecting", name="Open", **usual) for _ in range(2)]
    lines += [
        line(35, ms, phase="fan-out", name=f"Change {n}", **usual) for n, ms in enumerate((100, 900, 400, 500), 1)
    ]
    lines += [line(35, 50, phase="fan-out", name=f"Change {n}", **usual) for n in range(1, 5)]
    found = measures(read(logged(tmp_path, "sockets", lines, phases=phases, machine=machine)))
    told = {name: found[name] for name in ("sockets", "sockets_mb", "socket_kb", "server_mb", "untold")}
    assert told == {"sockets": 2, "sockets_mb": 200, "socket_kb": 100_000, "server_mb": 300, "untold": 0}
    # Of 0.9 s of processor time, for eight events.
    assert found["told_cpu_ms"] == pytest.approx(112.5)
    assert (found["fanout_s"], found["fanout_slowest_s"]) == (0.45, 0.9)


def test_a_log_without_a_request_is_told(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no request"):
        read(logged(tmp_path, "baseline", []))
