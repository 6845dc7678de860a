"""Where code stands, told by modules: paths of the machine never get into a profile."""

import re
import sys
from functools import lru_cache
from pathlib import PurePath
from typing import Final

_ROOTS: Final = re.compile(r"^.*[/\\](?:site-packages|dist-packages|python3\.\d+)[/\\]")
OURS: Final = frozenset(
    {"app", "schema", "jobs", "resolvers", "dataloaders", "ops", "connectors", "execution", "maestro"}
)
"""The packages of this program."""
BUILT_IN: Final = "builtin"
PATH: Final = re.compile(r"(?:[A-Za-z]:)?[/\\](?:[\w.@+-]+[/\\])+")
"""Folders in front of a name, wherever they stand in a text."""
ADDRESS: Final = re.compile(r" at 0x[0-9a-f]+")


@lru_cache(maxsize=50_000)
def short_path(path: str) -> str:
    """Return a file by its path below where modules are looked for, such as `asyncpg/connection.py`."""
    if path.startswith("<") or not PurePath(path).is_absolute():
        return path
    below = _ROOTS.sub("", path)
    if below != path:
        return below
    for root in sorted((entry for entry in sys.path if entry), key=len, reverse=True):
        if path.startswith(root.rstrip("/\\") + "/"):
            return path[len(root.rstrip("/\\")) + 1 :]
    parts = PurePath(path).parts
    places = [place for place, part in enumerate(parts) if part in OURS]
    return "/".join(parts[places[0] :]) if places else parts[-1]


@lru_cache(maxsize=50_000)
def module_of(path: str) -> str:
    """Return the module of a file, such as `asyncpg.connection`; a word for what stands in none."""
    if path.startswith("<"):
        return (
            BUILT_IN if path == "<built-in>" else path.strip("<>").replace("frozen ", "").replace("string", "generated")
        )
    name = short_path(path).replace("\\", "/").removesuffix(".py").removesuffix("/__init__")
    return name.replace("/", ".")


def without_paths(text: str) -> str:
    """Return a text, such as the representation of something built in, without folders and addresses in memory."""
    return ADDRESS.sub("", PATH.sub("", text))
