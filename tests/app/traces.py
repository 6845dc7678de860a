"""Where a word may be left behind by a server, and the forms in which it may stand there."""

import base64
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Final

import asyncpg
import psutil

from maestro.postgres import Address
from tests.app.conftest import Server

BYTEA: Final = re.compile(rb"\\x([0-9a-f]+)")


async def dump(address: Address) -> bytes:
    """Every row of every table as text, and each bytea of it in raw form as well; what PostgreSQL is doing too."""
    connection = await asyncpg.connect(address.url("postgresql"))
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        rows = []
        for name in [*(table[0] for table in tables), "pg_stat_activity"]:
            rows += await connection.fetch(f"SELECT t::text FROM {name} t")
    finally:
        await connection.close()
    text = "\n".join(row[0] for row in rows).encode()
    return text + b"\n".join(bytes.fromhex(found.decode()) for found in BYTEA.findall(text))


def processes(server: Server) -> bytes:
    """The arguments and environments of the server and of all that it has started."""
    root = psutil.Process(server.process.pid)
    found = [(root.cmdline(), root.environ())]
    for process in root.children(recursive=True):
        # PostgreSQL's workers come and go.
        with suppress(psutil.NoSuchProcess):
            found.append((process.cmdline(), process.environ()))
    return repr(found).encode()


def files_in(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def forms_of(word: str) -> list[bytes]:
    """A word as it may be written: plain, in hexadecimal digits, and in base64 wherever in it the word begins."""
    raw = word.encode()
    base64s = [
        coded[4 if before else 0 : -4]
        for before in range(3)
        for encode in (base64.b64encode, base64.urlsafe_b64encode)
        for coded in [encode(b"x" * before + raw)]
    ]
    return [raw, raw[::-1], raw.hex().encode(), raw.hex().upper().encode(), *base64s]


def occurrences(word: str, content: bytes) -> Counter[bytes]:
    return Counter({form: content.count(form) for form in forms_of(word) if form in content})
