"""The mix: what is asked how often, as a dashboard, people who search, and training jobs would."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate, count
from random import Random
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import orjson

from loadtests.ground.documents import document_id
from loadtests.ground.places import Place
from loadtests.scenarios.phases import BARE, MIXED, READS, TRESPASSING

POINTS: Final = 10
"""Points of each metric in a batch."""
SKEW: Final = 3
"""What is looked at is seldom evenly spread: the newest things are asked for most, by this power of chance."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: how it goes, what it is called in reports, and its parts."""

    name: str
    via: str
    path: str
    body: bytes | None = None


@dataclass(slots=True)
class Asker:
    """One user: its organisation, those of others, and what it has logged."""

    place: Place
    others: tuple[Place, ...]
    random: Random
    writer: str = field(default_factory=lambda: str(uuid4()))
    _seqs: "count[int]" = field(default_factory=count)

    def one(self, ids: tuple[str, ...]) -> str:
        """Return an id, of the first ones far more often than of others."""
        return ids[int(len(ids) * self.random.random() ** SKEW)]

    def batch(self) -> dict[str, Any]:
        """Return a batch of points: two metrics of a training, and the moment at which it is sent."""
        seq = next(self._seqs)
        steps = list(range(seq * POINTS, (seq + 1) * POINTS))
        loss = [2.3 / (1 + step / 50) for step in steps]
        return {
            "runId": self.random.choice(self.place.logged),
            "writerId": self.writer,
            "seq": seq,
            "metrics": [
                {"key": "loss", "steps": steps, "values": loss},
                {"key": "accuracy", "steps": steps, "values": [1 - value / 3 for value in loss]},
                {"key": "sent_at", "steps": [int(time.time() * 1000)], "values": [time.time()]},
            ],
        }

    def search(self) -> str:
        """Return a filter as people write it, one of some hundreds."""
        accuracy, rate = self.random.randrange(50, 95) / 100, self.random.choice((0.0001, 0.001, 0.01, 0.1))
        optimizer = self.random.choice(("adam", "adamw", "sgd"))
        return f"metrics.accuracy > {accuracy} AND params.learning_rate < {rate} AND params.optimizer = '{optimizer}'"


Make = Callable[[Asker], Asked]


def by_get(name: str, variables: Mapping[str, Any] | None = None) -> Asked:
    """Return a GET of a document by its id."""
    return Asked(name, "GET", _address(name, orjson.dumps(variables) if variables else b""))


@lru_cache(maxsize=10_000)
def _address(name: str, variables: bytes) -> str:
    path = f"/graphql?documentId={document_id(name)}"
    return f"{path}&variables={quote(variables)}" if variables else path


def by_post(name: str, variables: Mapping[str, Any], called: str | None = None) -> Asked:
    """Return a POST of a document by its id."""
    body = orjson.dumps({"documentId": _id(name), "variables": variables})
    return Asked(called or name, "POST", "/graphql", body)


_id = lru_cache(maxsize=None)(document_id)

READING: Final[tuple[tuple[int, Make], ...]] = (
    (20, lambda _: by_get("Projects")),
    (15, lambda user: by_get("Project", {"id": user.one(user.place.projects)})),
    (15, lambda user: by_get("Runs", {"id": user.one(user.place.experiments)})),
    (12, lambda user: by_post("Run", {"id": user.one(user.place.runs or user.place.logged)})),
    (6, lambda user: by_get("Chart", {"id": user.one(user.place.runs or user.place.logged)})),
    (12, lambda user: by_post("Search", {"where": user.search()})),
)
LOGGING: Final[tuple[tuple[int, Make], ...]] = ((20, lambda user: by_post("Log", {"batch": user.batch()})),)


def _elsewhere(user: Asker) -> Place:
    return user.random.choice(user.others)


REACHING: Final[tuple[tuple[int, Make], ...]] = (
    (8, lambda user: by_post("Run", {"id": _elsewhere(user).runs[0]}, "Run of another")),
    (8, lambda user: by_get_of_another("Runs", user)),
    (8, lambda user: by_post("Nodes", {"ids": user.random.sample(_elsewhere(user).ids, 3)}, "Nodes of another")),
    (8, lambda user: by_post("Search", {"where": f"name ILIKE '%{_elsewhere(user).mark}%'"}, "Search for another")),
    (8, lambda user: by_post("Log", {"batch": user.batch() | {"runId": _elsewhere(user).logged[0]}}, "Log to another")),
)
"""What is another organisation's, asked for under a name that ends in `another`."""


def by_get_of_another(name: str, user: Asker) -> Asked:
    """Return a GET of another organisation's experiment."""
    asked = by_get(name, {"id": user.random.choice(_elsewhere(user).experiments)})
    return Asked(f"{name} of another", asked.via, asked.path)


MIXES: Final[Mapping[str, tuple[tuple[int, Make], ...]]] = {
    MIXED: READING + LOGGING,
    READS: READING,
    TRESPASSING: READING + LOGGING + REACHING,
    BARE: ((1, lambda _: Asked("Bare", "POST", "/graphql", b'{"documentId": "bare"}')),),
}
WEIGHTS: Final = {name: list(accumulate(weight for weight, _ in mix)) for name, mix in MIXES.items()}


def drawn(mix: str, user: Asker) -> Asked:
    """Return what a user asks next."""
    (_, make), *_ = user.random.choices(MIXES[mix], cum_weights=WEIGHTS[mix])
    return make(user)
