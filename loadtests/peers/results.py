"""The results of a comparison, and the file that keeps them."""

import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from loadtests.peers.measuring import Answered, Turn
from loadtests.peers.summary import Costs, costs


@dataclass(frozen=True, kw_only=True)
class Results:
    """Turns of all servers, what they answered, and what was measured on which machine and data."""

    turns: list[Turn]
    answered: Mapping[str, Mapping[str, Answered]]
    rates: Mapping[str, Mapping[str, float]]
    titles: Mapping[str, str]
    facts: Mapping[str, Any]

    @cached_property
    def costs(self) -> Costs:
        """What each operation costs at each server."""
        return costs(self.turns)

    @property
    def others(self) -> float:
        """The part of the machine's cores that others used, the mean of all turns."""
        return statistics.fmean(turn.others for turn in self.turns)

    def write(self, path: Path) -> None:
        """Write all of it as JSON."""
        path.write_bytes(orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2))

    @staticmethod
    def read(path: Path) -> "Results":
        """Read what was written."""
        told = orjson.loads(path.read_bytes())
        answered = {
            server: {operation: Answered(**one) for operation, one in found.items()}
            for server, found in told["answered"].items()
        }
        return Results(**{**told, "turns": [Turn(**one) for one in told["turns"]], "answered": answered})
