"""Two reports beside each other."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from loadtests import compare
from loadtests.analysis.reading import read
from loadtests.analysis.summary import summarised
from loadtests.compare import compared
from tests.loadtests.logs import line, logged


def summary(scenario: str = "baseline", reached: bool = True, **measures: float) -> dict[str, Any]:  # noqa: FBT001, FBT002 -- reads well as a keyword
    run = {"scenario": scenario, "options": {"rate": 100}, "cores": 2}
    return {"run": run, "measures": measures, "verdicts": [{"measure": "p95_ms", "is_reached": reached}]}


@pytest.mark.parametrize(
    ("a", "b", "ratio", "verdict"),
    [
        ({"p95_ms": 40.0}, {"p95_ms": 60.0}, 1.5, "worse"),
        ({"p95_ms": 40.0}, {"p95_ms": 44.0}, 1.1, "alike"),
        ({"p95_ms": 40.0}, {"p95_ms": 20.0}, 0.5, "better"),
        ({"rate": 100.0}, {"rate": 150.0}, 1.5, "better"),
        ({"rate": 100.0}, {"rate": 50.0}, 0.5, "worse"),
        ({"violations": 0}, {"violations": 1}, float("inf"), "worse"),
        ({"violations": 0}, {"violations": 0}, 1.0, "alike"),
        ({"requests": 100}, {"requests": 900}, 9.0, ""),
    ],
)
def test_a_measure_is_judged_by_its_ratio(a: Any, b: Any, *, ratio: float, verdict: str) -> None:
    (found,) = compared(summary(**a), summary(**b)).differences
    assert (found.ratio, found.verdict) == (ratio, verdict)


def test_an_objective_that_is_missed_now_makes_the_second_run_worse() -> None:
    found = compared(summary(), summary(reached=False))
    assert (found.lost, found.won, found.is_worse) == (["p95_ms"], [], True)
    found = compared(summary(reached=False), summary())
    assert (found.lost, found.won, found.is_worse) == ([], ["p95_ms"], False)


def test_another_machine_is_a_warning_and_no_fault_of_the_server() -> None:
    found = compared(summary(ceiling_cpu_ms=0.1), summary(ceiling_cpu_ms=0.3))
    assert not found.is_worse
    assert [warning for warning in found.warnings if "machine" in warning]


def test_other_options_are_a_warning() -> None:
    other = summary()
    other["run"] |= {"options": {"rate": 50}}
    assert compared(summary(), other).warnings == ["options differs: {'rate': 100} and {'rate': 50}."]


def test_different_scenarios_are_not_compared() -> None:
    with pytest.raises(ValueError, match="different scenarios: baseline and spike"):
        compared(summary(), summary("spike"))


class TestTheCommand:
    @pytest.fixture
    def folders(self, tmp_path: Path) -> dict[str, str]:
        """Summaries of a quick run, of a slow one and of one of another scenario."""
        made = {"quick": ("baseline", 20), "slow": ("baseline", 90), "other": ("stress", 20)}
        for name, (scenario, ms) in made.items():
            folder = logged(tmp_path / name, scenario, [line(ms=ms), line(ms=1, via="WS")])
            (folder / "summary.json").write_bytes(orjson.dumps(summarised(read(folder))))
        return {name: str(tmp_path / name) for name in made}

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(compare.main, arguments)

    def test_a_worse_run_ends_with_1(self, folders: dict[str, str]) -> None:
        done = self.run(folders["quick"], folders["slow"])
        assert done.exit_code == 1
        assert done.stdout.endswith("B is worse.\n")
        (row,) = (one for one in done.stdout.splitlines() if one.startswith("95 of 100   "))
        assert row.split()[3:] == ["20", "ms", "90", "ms", "4.50", "x", "worse"]

    def test_a_better_run_ends_with_0(self, folders: dict[str, str]) -> None:
        done = self.run(folders["slow"], folders["quick"])
        assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "B is no worse.")

    def test_what_cannot_be_compared_is_told(self, folders: dict[str, str]) -> None:
        done = self.run(folders["quick"], folders["other"])
        assert (done.exit_code, done.stderr) == (
            1,
            "Error: The runs are of different scenarios: baseline and stress.\n",
        )
