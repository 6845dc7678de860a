"""What was the limit in each phase: the generator, the machine, or the server, so that none is taken for another."""

from typing import Any

import pandas as pd

from loadtests.analysis.reading import Run, grown
from loadtests.slo import GENERATOR_CPU, GENERATOR_LAG_P95_MS, MACHINE_CPU, OTHERS_CPU, SERVER_CPU


def limits(run: Run) -> list[dict[str, Any]]:
    """Return for each phase who was busy, in cores, how late the generator's loop came, and who was the limit."""
    return [_limits(run, phase) for phase in run.phases]


def _limits(run: Run, phase: dict[str, Any]) -> dict[str, Any]:
    seconds, machine = phase["ended"] - phase["began"], run.machine
    cores = {
        name: grown(machine, f"{name}_cpu_s", phase) / seconds
        for name in ("server", "postgres", "generator", "bare", "machine")
    }
    ours = sum(value for name, value in cores.items() if name != "machine" and value == value)  # noqa: PLR0124
    lag = _lag(run.generator, phase)
    found = {**cores, "others": max(0.0, cores["machine"] - ours), "lag_p95_ms": lag}
    return {**found, "limit": _limit(found, run.facts["cores"])}


def _lag(generator: pd.DataFrame, phase: dict[str, Any]) -> float:
    during = generator[(generator["at"] >= phase["began"]) & (generator["at"] <= phase["ended"] + 1)]
    return float(during.lag_p95_ms.median()) if len(during) else float("nan")


def _limit(found: dict[str, float], cores: int) -> str:
    """Name the limit; what was not measured is none."""
    is_full = found["machine"] > MACHINE_CPU * cores
    if is_full and found["others"] > OTHERS_CPU * cores:
        return "others"
    if found["generator"] > GENERATOR_CPU or found["lag_p95_ms"] > GENERATOR_LAG_P95_MS:
        return "generator"
    if found["server"] > SERVER_CPU or found["bare"] > SERVER_CPU:
        return "server"
    return "machine" if is_full else ""
