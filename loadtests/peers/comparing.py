"""A comparison carried out: data, servers, their answers compared, and rounds."""

import os
import platform
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from loadtests.peers.ground import Ground, ground
from loadtests.peers.measuring import WARM_S, Turn, compared, competing, rounds, throughput, warm_up
from loadtests.peers.results import Results
from loadtests.peers.servers import NODE_PROGRAM, SERVERS
from loadtests.processes import data_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What to compare: servers by their names, on so many runs, in rounds of turns of some seconds."""

    names: list[str]
    runs: int
    rounds: int
    seconds: float
    command: str
    throughput: bool = False
    warm_s: float = WARM_S


def carried_out(orders: Orders, folder: Path, say: Callable[[str], None]) -> Results:
    """Measure on data of its own, with the servers' logs in a folder; RuntimeError when a server fails or differs."""
    say(f"{orders.runs:,} runs are generated.")
    with data_folder() as data, ground(data / "data", orders.runs) as laid:
        return measured(orders, laid, folder, say=say)


def measured(orders: Orders, laid: Ground, folder: Path, *, say: Callable[[str], None]) -> Results:
    """Start servers on data that is there, compare their answers, measure, and stop them."""
    say(f"{len(orders.names)} servers are started: {', '.join(orders.names)}.")
    with competing(orders.names, laid, folder) as competitors:
        answered = compared(competitors)
        say("All answer the same. They are warmed up.")
        warm_up(competitors, orders.warm_s)
        turns: list[Turn] = []
        for turn in rounds(competitors, laid, count=orders.rounds, seconds=orders.seconds):
            if not turns or turn.round != turns[-1].round:
                say(f"Round {turn.round + 1} of {orders.rounds}.")
            turns.append(turn)
        return Results(
            turns=turns,
            answered=answered,
            rates=throughput(competitors, orders.seconds) if orders.throughput else {},
            titles={name: SERVERS[name].title for name in orders.names},
            facts=_facts(orders, laid),
        )


def _facts(orders: Orders, laid: Ground) -> dict[str, Any]:
    versions = {SERVERS[name].title: SERVERS[name].version for name in orders.names}
    versions |= {name: version(name) for name in ("uvicorn", "sqlalchemy", "asyncpg", "graphql-core")}
    versions |= {"Python": platform.python_version(), "PostgreSQL": str(laid.sizes["postgresql"]).split()[1]}
    if any(SERVERS[name].package for name in orders.names):
        versions["Node"] = subprocess.check_output([NODE_PROGRAM, "--version"], text=True).strip().removeprefix("v")
    return {
        **laid.sizes,
        "rounds": orders.rounds,
        "seconds": orders.seconds,
        "command": orders.command,
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "cores": len(os.sched_getaffinity(0)),
        "versions": versions,
    }
