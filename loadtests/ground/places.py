"""What the generator has to know of a server: organisations with a key, and ids of what is in them."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from maestro import private_files


@dataclass(frozen=True, slots=True)
class Place:
    """One organisation: its key, and ids to ask for. `mark` stands in every name of it; empty where none was given."""

    id: str
    mark: str
    key: str
    projects: tuple[str, ...]
    experiments: tuple[str, ...]
    runs: tuple[str, ...]
    logged: tuple[str, ...]
    """Runs that the load itself logs to."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids that nobody outside may be told."""
        return (*self.projects, *self.experiments, *self.runs, *self.logged)


@dataclass(frozen=True, slots=True)
class Ground:
    """A server's organisations. It holds keys, so that its file is for its owner alone, and goes with the run."""

    places: tuple[Place, ...]

    def write(self, path: Path) -> None:
        """Write it into a file that only its owner can read."""
        private_files.replace(path, orjson.dumps(asdict(self)))

    @staticmethod
    def read(path: Path) -> "Ground":
        """Read what was written."""
        return Ground(tuple(_place(one) for one in orjson.loads(path.read_bytes())["places"]))


def _place(told: dict[str, Any]) -> Place:
    values: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in told.items()}
    return Place(**values)
