"""Programs of PostgreSQL as subprocesses: out of the way, told apart when they fail, and gone when nobody waits."""

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from maestro.errors import MaestroError, ProgramFailed, Transient
from ops.backups import leash

PATIENCE_S: Final = 4.0
"""Within this a program that is stopped is gone, gently or not."""
_LINE: Final = 2000
_KEPT: Final = 3
_CHUNK: Final = 64 * 1024
_PASSING: Final = re.compile(
    r"connection to server .* failed|could not connect|could not (receive data from|send data to) server"
    r"|server closed the connection|terminating connection|connection (not open|timed out|reset)|no connection to"
    r"|the database system is (starting up|shutting down|in recovery|not (yet )?accepting)"
    r"|too many clients|remaining connection slots|deadlock detected|lock timeout|could not obtain lock",
    re.IGNORECASE,
)
_LASTING: Final = re.compile(r"authentication failed|no pg_hba\.conf entry|no password supplied|role .* does not exist")
_ERROR: Final = re.compile(r"^[\w-]+: (?:error|fatal): (.*)", re.IGNORECASE)
"""How a program begins the line that says what went wrong; those that follow quote rows and statements."""

Told = Callable[[str], None]
"""Told each line that a program writes to its standard error."""


def unheard(_line: str) -> None:
    """Tell nobody."""


async def run(command: Sequence[str | Path], *, environment: dict[str, str], told: Told = unheard) -> str:
    """Run a program to its end and return what it printed.

    It yields to everybody else on the machine. When this is cancelled, or this process dies, it and all that it has
    started are gone within seconds. Transient when what it says passes by itself, ProgramFailed for everything else.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", leash.__file__),
        *_considerate(),
        *map(str, command),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # Where the account of another one may not be, and where nothing can be in the way of an import.
        cwd="/",
        env=environment,
        start_new_session=True,
    )
    errors: list[str] = []
    try:
        heard = _hear(process.stderr, errors, told)
        printed, _, code = await asyncio.gather(_read(process.stdout), heard, process.wait())
    finally:
        await _ended(process)
    if code != 0:
        raise failure(Path(command[0]).name, code, errors)
    return printed


def failure(program: str, code: int, errors: Sequence[str]) -> MaestroError:
    """Return the error for what a program said before it ended with an exit code; no values of rows are in it."""
    told = "; ".join(error.strip().rstrip(".") for error in errors) or f"exit code {code}"
    if any(_PASSING.search(error) and not _LASTING.search(error) for error in errors):
        return Transient(f"{program} cannot use the database server now: {told}.")
    return ProgramFailed(f"{program} failed: {told}.", program=program, exitCode=code)


def _considerate() -> list[str]:
    """Return what a command begins with so that its reads and writes of the disk come after those of others."""
    ionice = shutil.which("ionice")
    return [ionice, "-c", "2", "-n", "7"] if ionice else []


async def _read(stream: asyncio.StreamReader | None) -> str:
    return (await stream.read()).decode(errors="replace") if stream else ""


async def _hear(stream: asyncio.StreamReader | None, errors: list[str], told: Told) -> None:
    """Pass on what a program writes, line by line, and keep its last errors."""
    async for line in _lines(stream):
        told(line)
        if found := _ERROR.match(line):
            errors.append(found[1])
            del errors[:-_KEPT]


async def _lines(stream: asyncio.StreamReader | None) -> AsyncIterator[str]:
    """Yield the lines of a stream, however long; of each the beginning."""
    pending = ""
    while stream and (content := await stream.read(_CHUNK)):
        *lines, pending = (pending + content.decode(errors="replace")).split("\n")
        for line in lines:
            yield line[:_LINE]
        pending = pending[:_LINE]
    if pending:
        yield pending


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Make sure that a program is gone, also when whoever waits is cancelled once more."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await process.wait()
    finally:
        # Whatever it has started is of its group, and may have outlived it.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
