"""Values of many processes in one folder: summed up while they live, and kept when they have ended."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from prometheus_client import Metric

from maestro.telemetry.folder import Folder, Place

COUNTED = json.dumps(["maestro_made", "maestro_made_total", {"kind": "x"}, "Made."])
GAUGED = json.dumps(["maestro_open", "maestro_open", {}, "Open."])
BUCKETS = [
    json.dumps(["maestro_took", "maestro_took_bucket", {"le": bound}, "Took."]) for bound in ("0.1", "1.0", "+Inf")
]
SUM = json.dumps(["maestro_took", "maestro_took_sum", {}, "Took."])


def wrote(place: Place, *, counted: float, gauged: float) -> None:
    place.write("counter", COUNTED, counted, at=1)
    place.write("gauge_livesum", GAUGED, gauged, at=1)
    for key in BUCKETS:
        place.write("histogram", key, counted, at=1)
    place.write("histogram", SUM, counted * 2, at=1)


def told(folder: Folder) -> dict[str, float]:
    """The values of what `wrote` writes, by name and bound."""
    metrics: list[Metric] = folder.merged()
    return {
        f"{sample.name}{sample.labels.get('le', '')}": sample.value for metric in metrics for sample in metric.samples
    }


def expected(counted: float, gauged: float | None) -> dict[str, float]:
    values = {
        "maestro_made_total": counted,
        "maestro_took_bucket0.1": counted,
        "maestro_took_bucket1.0": counted * 2,
        "maestro_took_bucket+Inf": counted * 3,
        "maestro_took_count": counted * 3,
        "maestro_took_sum": counted * 2,
    }
    return values if gauged is None else {**values, "maestro_open": gauged}


def test_the_values_of_living_processes_are_summed_up(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "metrics")
    first, second = folder.join(), folder.join()
    wrote(first, counted=2, gauged=3)
    wrote(second, counted=5, gauged=4)
    assert told(folder) == expected(7, 7)
    assert len([*folder.path.glob("*.alive")]) == 2
    wrote(second, counted=6, gauged=1)
    assert told(folder) == expected(8, 4)
    first.leave()
    second.leave()


def test_what_an_ended_process_has_counted_stays_and_its_gauges_go(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "metrics")
    staying = folder.join()
    for _ in range(3):
        ended = folder.join()
        wrote(ended, counted=2, gauged=3)
        ended.leave()
        told(folder)
    wrote(staying, counted=1, gauged=1)
    assert told(folder) == expected(7, 1)
    assert told(folder) == expected(7, 1)
    files = {file.name.rpartition("_")[2] for file in folder.path.glob("*.db")}
    assert len(files) == 2, "a living process and all ended ones together"
    staying.leave()


def test_the_first_process_finds_nothing_of_those_before(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "metrics")
    before = folder.join()
    wrote(before, counted=2, gauged=3)
    before.leave()
    after = folder.join()
    assert told(folder) == {}
    assert len([*folder.path.glob("*.alive")]) == 1
    after.leave()


def test_the_values_of_a_killed_process_are_those_that_it_has_written(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "metrics")
    staying = folder.join()
    program = f"""
        import json, time
        from pathlib import Path
        from maestro.telemetry.folder import Folder
        place = Folder(Path({str(folder.path)!r})).join()
        place.write("counter", {COUNTED!r}, 11, at=1)
        place.write("gauge_livesum", {GAUGED!r}, 4, at=1)
        print("ready", flush=True)
        time.sleep(60)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert told(folder) == {"maestro_made_total": 11, "maestro_open": 4}
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert told(folder) == {"maestro_made_total": 11}
    staying.leave()


def test_a_damaged_file_costs_its_own_values_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = Folder(tmp_path / "metrics")
    good, bad = folder.join(), folder.join()
    wrote(good, counted=2, gauged=3)
    bad.write("counter", COUNTED, 5, at=1)
    (damaged,) = [file for file in folder.path.glob("counter_*.db") if bad._name in file.name]
    damaged.write_bytes((2**20).to_bytes(4, "little") + b"\xff" * 100)
    assert told(folder) == expected(2, 3)
    assert "Metrics leave out 1 damaged files" in caplog.text
    bad.leave()
    assert told(folder) == expected(2, 3)
    good.leave()


def test_others_cannot_read_the_folder(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "metrics")
    folder.join().leave()
    assert folder.path.stat().st_mode & 0o077 == 0
