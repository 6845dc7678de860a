"""Reports that are written: what stands in them, and how the command ends."""

import gzip
import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from loadtests import run as running
from loadtests.analysis.numbers import number
from loadtests.analysis.reading import read
from loadtests.analysis.summary import summarised
from loadtests.carrying_out import Wanted
from loadtests.report.markdown import markdown
from loadtests.report.page import page
from loadtests.report.writing import write_report
from loadtests.scenarios.catalogue import SCENARIOS
from tests.loadtests.logs import busy, line, logged, phase

PHASES = [phase("warm-up", 0, 5, is_judged=False), phase("hold", 5, 10)]
LINES = [line(2, phase="warm-up"), *(line(6 + n / 10, 10 + n) for n in range(20)), line(7, via="SSE", name="Points")]
SAMPLES = [
    {**one, "server_rss_bytes": 2e8, "server_fds": 50.0, "server_threads": 4.0}
    for one in busy(10, server=0.4, postgres=0.1, generator=0.2)
]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that reaches its objectives, with a report; to draw one takes a second."""
    folder = logged(
        tmp_path_factory.mktemp("good"), "baseline", LINES, phases=PHASES, machine=SAMPLES, generator=[(1, 0.2, 5)]
    )
    assert all(one.is_reached for one in write_report(folder))
    return folder


def test_a_page_needs_nothing_beside_itself(good: Path) -> None:
    text = (good / "report.html").read_text()
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"|<script|@import|url\((?!#)', text) == []
    assert "all objectives reached" in text


def test_each_plot_is_a_drawing_with_its_phases(good: Path) -> None:
    text = (good / "report.html").read_text()
    drawings = [ET.fromstring(one) for one in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]  # noqa: S314 -- ours
    titles = re.findall(r"<h2>([^<]*)</h2><svg", text)
    assert titles == [
        "How long answers took",
        "How many there were",
        "Who used the processor",
        "What the server held",
        "Operation by operation, in the phase that is judged",
    ]
    for drawing in drawings[:4]:
        words = {"".join(one.itertext()).strip() for one in drawing.iter("{http://www.w3.org/2000/svg}text")}
        assert words >= {"warm-up", "hold", "seconds"}


def test_the_markdown_tells_objectives_phases_and_operations(good: Path) -> None:
    text = (good / "report.md").read_text()
    assert "All objectives are reached." in text
    assert "| 95 of 100 requests are answered within | 28 ms | ≤ 100 ms | reached |" in text
    assert "| hold (judged) | 5 | 10 | 4 | 0 | 0 | 19 | 28 | 29 | 0.40 | 0.10 | 0.20 | 0.00 |" in text
    assert "| Runs | GET | 20 | 0 | 19 | 28 | 29 | 29 | 100 |" in text
    assert "| Points | SSE | 1 | 0 | 10 | 10 | 10 | 10 | 100 |" in text


def test_the_numbers_are_kept_and_the_log_is_compressed(good: Path) -> None:
    summary = json.loads((good / "summary.json").read_bytes())
    assert (summary["is_reached"], summary["measures"]["p95_ms"]) == (True, 28)
    assert not (good / "requests.csv").exists()
    with gzip.open(good / "requests.csv.gz", "rt") as log:
        assert log.readline().startswith("at,phase,name,via,")
    assert summarised(read(good))["measures"]["p95_ms"] == 28


def test_a_generator_that_was_the_limit_is_told(tmp_path: Path) -> None:
    machine = busy(10, server=0.4, generator=0.95)
    text = markdown(summarised(read(logged(tmp_path, "baseline", LINES, phases=PHASES, machine=machine))))
    assert (
        "In “warm-up” and “hold” the generator was the limit: what was measured there is not the server's doing."
        in text
    )


def test_names_cannot_become_markup(tmp_path: Path) -> None:
    text = page(summarised(read(logged(tmp_path, "baseline", [line(error="<b>bad</b>")]))), [])
    assert "<b>bad" not in text
    assert "&lt;b&gt;bad&lt;/b&gt;" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (3.14159, "3.14"), (99.96, "100"), (1234.5, "1,234"), (None, "\N{EN DASH}"), (float("inf"), "never")],
)
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(("ms", "lines", "expected"), [(10, 1, 0), (150, 1, running.MISSED), (10, 0, running.BROKEN)])
def test_the_command_ends_by_the_objectives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, ms: float, lines: int, expected: int
) -> None:
    def recorded(_: Wanted, folder: Path) -> None:
        logged(folder, "baseline", lines * [line(ms=ms), line(ms=1, via="WS")])

    monkeypatch.setattr(running, "carried_out", recorded)
    done = CliRunner().invoke(running.main, ["baseline", "--short", "--reports", str(tmp_path)])
    assert done.exit_code == expected, done.output
    assert [path.name.partition("-")[0] for path in tmp_path.iterdir()] == ["baseline"]


def test_without_a_scenario_each_is_run_in_short_and_told_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recorded(wanted: Wanted, folder: Path) -> None:
        assert wanted.is_short
        logged(folder, wanted.scenario, [line(ms=10), line(ms=1, via="WS")] if wanted.scenario == "baseline" else [])

    monkeypatch.setattr(running, "carried_out", recorded)
    monkeypatch.setattr(running, "SCENARIOS", {name: SCENARIOS[name] for name in ("baseline", "spike")})
    done = CliRunner().invoke(running.main, ["--reports", str(tmp_path)])
    assert done.exit_code == running.BROKEN
    table = done.stdout.partition("\n\n")[2].splitlines()
    assert [row.split("  ")[0] for row in table] == ["scenario", "baseline", "spike", "sockets"]
    assert "4 of 4 reached" in table[1]
    assert "nothing to judge" in table[2]


def test_a_server_that_runs_already_needs_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOADTEST_KEYS", raising=False)
    done = CliRunner().invoke(running.main, ["baseline", "--host", "http://127.0.0.1:1", "--reports", str(tmp_path)])
    assert (done.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "LOADTEST_KEYS" in done.stderr
