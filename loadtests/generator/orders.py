"""What the generator is told by whoever starts it, in a file that an environment variable names."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from loadtests.scenarios.phases import Options

VARIABLE: Final = "LOADTEST_ORDERS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Which scenario to run, how, against what, and where to write; paths are texts."""

    scenario: str
    options: Options
    host: str
    bare: str | None
    ground: str
    folder: str
    checks: bool
    seed: int
    users: int

    def write(self, path: Path) -> None:
        """Write them."""
        path.write_bytes(orjson.dumps(asdict(self)))

    @staticmethod
    def given() -> "Orders":
        """Read those that the environment names."""
        told = orjson.loads(Path(os.environ[VARIABLE]).read_bytes())
        return Orders(**{**told, "options": Options(**told["options"])})
