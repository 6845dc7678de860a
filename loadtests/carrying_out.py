"""A scenario carried out: its server, its ground, its generator, and what is looked at meanwhile."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import orjson

from loadtests.generator.orders import VARIABLE, Orders
from loadtests.ground.remote import ground_of
from loadtests.processes import answering, data_folder, environment, serving
from loadtests.sampling import sampled
from loadtests.scenarios.catalogue import SCENARIOS, Scenario
from loadtests.scenarios.phases import Options
from loadtests.sockets import NAME as SOCKETS
from loadtests.sockets import scenario_of
from maestro.version import VERSION

LOCUSTFILE: Final = Path(__file__).with_name("generator") / "locustfile.py"
SPAWNED_A_SECOND: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to run. `users` of None is what the scenario has; `host` of None is a server of its own."""

    scenario: str
    options: Options
    is_short: bool
    users: int | None
    runs: int
    seed: int
    host: str | None
    keys: tuple[str, ...]


def carried_out(wanted: Wanted, folder: Path) -> None:
    """Run a scenario and leave its logs in a folder; RuntimeError with the reason when it could not be run."""
    scenario = scenario_of(wanted.users) if wanted.scenario == SOCKETS else SCENARIOS[wanted.scenario]
    if wanted.host is not None and scenario.organizations > 1 and scenario.checks and len(wanted.keys) == 1:
        raise RuntimeError("Isolation is between organisations: LOADTEST_KEYS has to have a key of another one, too.")
    _describe(wanted, scenario, folder)
    with data_folder() as data, ExitStack() as stack:
        ground = data / "ground.json"
        url, pids = stack.enter_context(_server(wanted, scenario, data, folder=folder, ground=ground))
        bare = None
        if scenario.has_bare:
            running = stack.enter_context(answering([sys.executable, "-m", "loadtests.bare"], folder / "bare.log"))
            bare, pids["bare"] = running.url, running.pid
        orders = Orders(
            scenario=wanted.scenario,
            options=wanted.options,
            host=url,
            bare=bare,
            ground=str(ground),
            folder=str(folder.resolve()),
            checks=scenario.checks,
            seed=wanted.seed,
            users=scenario.users if wanted.users is None else wanted.users,
        )
        orders.write(data / "orders.json")
        _generate(orders, scenario, pids, path=data / "orders.json", folder=folder)


@contextmanager
def _server(
    wanted: Wanted, scenario: Scenario, data: Path, *, folder: Path, ground: Path
) -> Iterator[tuple[str, dict[str, int]]]:
    """Give the address and the processes of a server whose ground is laid."""
    if wanted.host is not None:
        ground_of(wanted.host, [*wanted.keys][: scenario.organizations]).write(ground)
        yield wanted.host, {}
        return
    counts = ["--organizations", str(scenario.organizations), "--runs", str(wanted.runs)]
    done = subprocess.run(
        [sys.executable, "-m", "loadtests.ground", str(ground), *counts],
        env=environment(data, {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"The ground could not be laid: {done.stderr[-2000:]}")
    with serving(data, folder / "server.log", scenario.settings) as running:
        yield running.url, {"server": running.pid}


def _generate(orders: Orders, scenario: Scenario, pids: dict[str, int], *, path: Path, folder: Path) -> None:
    with (
        (folder / "generator.log").open("w") as log,
        sampled(folder / "machine.csv", pids, orders.host) as sampler,
        subprocess.Popen(
            _command(orders, scenario),
            env={**os.environ, VARIABLE: str(path)},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        sampler.add("generator", process.pid)
        try:
            for line in process.stdout or ():
                print(f"  {line}", end="", flush=True)
        finally:
            process.terminate()
    if process.returncode or not (folder / "phases.json").exists():
        raise RuntimeError(f"The generator failed: {(folder / 'generator.log').read_text()[-2000:]}")


def _command(orders: Orders, scenario: Scenario) -> list[str]:
    if orders.scenario == SOCKETS:
        return [sys.executable, "-m", "loadtests.sockets"]
    users = orders.users + scenario.listeners
    return [
        *(sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary"),
        *("-u", str(users), "-r", str(SPAWNED_A_SECOND), "--host", orders.host, "--loglevel", "WARNING"),
    ]


def _describe(wanted: Wanted, scenario: Scenario, folder: Path) -> None:
    """Write what is run, and on what; no key of it."""
    facts: dict[str, Any] = {
        "scenario": wanted.scenario,
        "title": scenario.title,
        "is_short": wanted.is_short,
        "options": asdict(wanted.options),
        "users": wanted.users or scenario.users,
        "listeners": scenario.listeners,
        "organizations": scenario.organizations,
        "runs": wanted.runs,
        "seed": wanted.seed,
        "is_own_server": wanted.host is None,
        "settings": dict(scenario.settings),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": VERSION,
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "locust": version("locust"),
    }
    (folder / "run.json").write_bytes(orjson.dumps(facts, option=orjson.OPT_INDENT_2))
