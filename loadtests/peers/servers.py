"""The servers that are compared: how each is started, what it speaks, and by which role it reads."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Final

import orjson

from loadtests.peers.ground import ROLE, Ground
from loadtests.peers.operations import OURS, PLAIN, POSTGRAPHILE, STRAWBERRY, Dialect
from loadtests.processes import Running, answering, environment
from maestro.db.roles import LOGIN
from maestro.version import VERSION

NODE: Final = Path(__file__).with_name("node")
MODULES: Final = NODE / "node_modules"
POOL: Final = "12"
"""Database connections of each server."""
_PINNED: Final = next(iter(sorted(MODULES.glob("node-*/bin/node"))), None)
NODE_PROGRAM: Final = "node" if _PINNED is None else str(_PINNED)
"""Node itself: the one that is installed with the servers, for PostGraphile needs 22, or else the machine's."""
SETUP: Final = "python -m loadtests.peers setup"
EXECUTED: Final = "ours"
"""The server to which all others are set in relation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server; `package` is that of Node whose version is told, and without which it is left out."""

    title: str
    command: Sequence[str]
    dialect: Dialect
    settings: Mapping[str, str] = field(default_factory=dict)
    package: str = ""
    is_ours: bool = False

    @property
    def is_installed(self) -> bool:
        """Whether what it needs is there."""
        return not self.package or (MODULES / self.package / "package.json").is_file()

    @property
    def role(self) -> str:
        """The role by which it reads."""
        return LOGIN if self.is_ours else ROLE

    @property
    def version(self) -> str:
        """The version of what it is made with."""
        if self.package:
            told: str = orjson.loads((MODULES / self.package / "package.json").read_bytes())["version"]
            return told
        return VERSION if self.is_ours else version("strawberry-graphql")


_SERVE: Final = (sys.executable, "-m", "app", "serve", "--host", "127.0.0.1", "--port", "0")
_STRAWBERRY: Final = (sys.executable, "-m", "loadtests.peers.strawberry_app")
SERVERS: Final = {
    EXECUTED: Server(
        title="Maestro, executed", command=_SERVE, dialect=OURS, settings={"MAESTRO_CACHE": "false"}, is_ours=True
    ),
    "ours-kept": Server(title="Maestro, kept answers", command=_SERVE, dialect=OURS, is_ours=True),
    "strawberry": Server(title="Strawberry, ORM", command=_STRAWBERRY, dialect=STRAWBERRY),
    "strawberry-caches": Server(
        title="Strawberry, ORM, its caches", command=_STRAWBERRY, dialect=STRAWBERRY, settings={"PEER_CACHES": "1"}
    ),
    "mercurius": Server(
        title="Mercurius, JIT", command=(NODE_PROGRAM, str(NODE / "mercurius.js")), dialect=PLAIN, package="mercurius"
    ),
    "postgraphile": Server(
        title="PostGraphile 5",
        command=(NODE_PROGRAM, str(NODE / "postgraphile.js")),
        dialect=POSTGRAPHILE,
        package="postgraphile",
    ),
}


@contextmanager
def started(server: Server, ground: Ground, log: Path) -> Iterator[Running]:
    """Start a server on the data, and stop it at the end of the block; RuntimeError when it does not start."""
    given = {"PEER_DATABASE_URL": ground.peer_url, "PEER_POOL": POOL}
    given |= {"NODE_ENV": "production", "GRAPHILE_ENV": "production"}
    if server.is_ours:
        url = ground.url.replace("postgresql+asyncpg:", "postgresql:")
        # Points stay as they are for as long as they are read: packed ones nobody else could read.
        given = {"MAESTRO_DATABASE_URL": url, "MAESTRO_POOL_SIZE": POOL, "MAESTRO_COMPACT_EVERY": "1d"}
    # Each has a folder of its own, as each installation has.
    folder = ground.folder.with_name(log.stem)
    folder.mkdir(exist_ok=True)
    with answering(server.command, log, environment(folder, {**given, **server.settings})) as running:
        yield running


def install() -> None:
    """Install the servers of Node by their lock file; CalledProcessError."""
    subprocess.run(["npm", "ci", "--no-progress"], cwd=NODE, check=True)
