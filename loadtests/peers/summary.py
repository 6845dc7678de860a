"""What rounds come to: the median and the spread of each server's operation, and how it is to ours."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from loadtests.peers.measuring import Turn
from loadtests.peers.servers import EXECUTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """An operation at a server, medians of all rounds: processor time in ms a request, of which PostgreSQL's.

    `least` and `most` are of the rounds' processor times, `ratio` is that time to our executed answer's, as the median
    of the ratios within each round; None where ours was not measured.
    """

    cpu_ms: float
    postgres_ms: float
    least: float
    most: float
    wall_ms: float
    ratio: float | None
    requests: int


Costs = Mapping[str, Mapping[str, Cost]]
"""By the name of the server and the operation."""


def costs(turns: Iterable[Turn]) -> Costs:
    """Put turns together."""
    groups: dict[str, dict[str, list[Turn]]] = {}
    for turn in turns:
        groups.setdefault(turn.server, {}).setdefault(turn.operation, []).append(turn)
    ours = {(turn.operation, turn.round): cpu_ms(turn) for turns in groups.get(EXECUTED, {}).values() for turn in turns}
    return {
        server: {operation: _cost(found, ours) for operation, found in operations.items()}
        for server, operations in groups.items()
    }


def cpu_ms(turn: Turn) -> float:
    """Return the processor time of a request, of the server and of the database together."""
    return turn.server_ms + turn.postgres_ms


def _cost(turns: list[Turn], ours: Mapping[tuple[str, int], float]) -> Cost:
    spent = [cpu_ms(turn) for turn in turns]
    # Within a round, both had the same machine.
    ratios = [cpu_ms(turn) / ours[turn.operation, turn.round] for turn in turns if (turn.operation, turn.round) in ours]
    return Cost(
        cpu_ms=statistics.median(spent),
        postgres_ms=statistics.median(turn.postgres_ms for turn in turns),
        least=min(spent),
        most=max(spent),
        wall_ms=statistics.median(turn.wall_ms for turn in turns),
        ratio=statistics.median(ratios) if ratios else None,
        requests=sum(turn.requests for turn in turns),
    )
