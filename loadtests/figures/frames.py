"""How long a million rows of PostgreSQL take until they are a DataFrame, beside the libraries that are quick at it."""

import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
import pandas as pd
from pydantic import SecretStr

from connectors.sql.frames import frame
from connectors.sql.postgresql import postgresql_source
from loadtests.figures.results import Figure
from maestro.credentials import PostgresqlCredential
from maestro.postgres import Address, EmbeddedPostgres
from maestro.vendors import Postgresql

ROWS: Final = 1_000_000
ROUNDS: Final = 5
ROOT: Final = Path(__file__).parents[2]
PINS: Final = ROOT / "requirements" / "emulators" / "frames.txt"
FILL: Final = f"""CREATE TABLE measured AS SELECT
  n::int8 AS id, (n % 1000)::int4 AS small, random() * 1e6 AS x, CASE WHEN n % 10 <> 0 THEN random() END AS y,
  'customer-' || (n % 5000) AS name, CASE WHEN n % 7 <> 0 THEN md5(n::text) END AS tag,
  timestamptz '2024-01-01' + n * interval '1.234567 seconds' AS at
  FROM generate_series(1, {ROWS}) AS n"""
ASKED: Final = "SELECT id, small, x, y, name, tag, at FROM measured"
RIVAL: Final = """
import json, sys, time
import adbc_driver_postgresql.dbapi as adbc
import connectorx
url, asked = sys.argv[1:]
for line in sys.stdin:
    began = time.perf_counter()
    if line.strip() == "connectorx":
        made = connectorx.read_sql(url, asked, return_type="arrow").to_pandas()
    else:
        with adbc.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(asked)
            made = cursor.fetch_arrow_table().to_pandas()
    took = time.perf_counter() - began
    print(json.dumps([took, [len(made), int(made["id"].sum()), int(made["tag"].isna().sum())]]), flush=True)
"""
"""Is told a library a line, and answers with the seconds and what it has read."""


def measure() -> list[Figure]:
    """Fill a table, and read it by each way in turn; all have to read the same."""
    folder = Path(tempfile.mkdtemp(prefix="maestro-figures-"))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder / "data") as address, _rival(_environment(folder), address) as rival:
            times = asyncio.run(_rounds(address, rival))
    finally:
        shutil.rmtree(folder)
    ours, connectorx, adbc, plain = (statistics.median(times[name]) for name in ("ours", "connectorx", "adbc", "plain"))
    return [
        Figure(f"{ROWS:,} rows of PostgreSQL as a DataFrame", ours, "s"),
        Figure("the same by connectorx", connectorx, "s"),
        Figure("the same by ADBC", adbc, "s"),
        Figure("the same by asyncpg, a record at a time", plain, "s"),
        Figure(
            "our DataFrame to the quicker one of connectorx and ADBC", ours / min(connectorx, adbc), "x", at_most=1.5
        ),
    ]


def _environment(folder: Path) -> Path:
    """Install the libraries by their pins in an environment of their own; return its interpreter."""
    place = folder / "libraries"
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    python = place / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", PINS],
        check=True,
    )
    return python


@contextmanager
def _rival(python: Path, address: Address) -> Iterator["subprocess.Popen[str]"]:
    command: list[str | Path] = [python, "-c", RIVAL, address.tcp_url(), ASKED]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        yield running


async def _rounds(address: Address, rival: "subprocess.Popen[str]") -> dict[str, list[float]]:
    connection = await asyncpg.connect(address.url("postgresql"))
    await connection.execute(FILL)
    await connection.execute("VACUUM ANALYZE measured")
    await connection.close()
    times: dict[str, list[float]] = {}
    seen = []
    for number in range(ROUNDS + 1):  # the first of them warms up
        for name in ("ours", "connectorx", "adbc", "plain"):
            took, found = await _read(name, address, rival)
            seen.append(found)
            if number:
                times.setdefault(name, []).append(took)
    if any(found != seen[0] for found in seen):
        raise SystemExit(f"not all ways have read the same: {seen}")
    return times


async def _read(name: str, address: Address, rival: "subprocess.Popen[str]") -> tuple[float, list[int]]:
    """Read everything in one way, connecting included; return the seconds and what was read."""
    if name in {"connectorx", "adbc"}:
        return _told(rival, name)
    began = time.perf_counter()
    made = await (_ours(address) if name == "ours" else _plain(address))
    return time.perf_counter() - began, [len(made), int(made["id"].sum()), int(made["tag"].isna().sum())]


def _told(rival: "subprocess.Popen[str]", name: str) -> tuple[float, list[int]]:
    if rival.stdin is None or rival.stdout is None:
        raise SystemExit("the other libraries cannot be spoken to")
    rival.stdin.write(f"{name}\n")
    rival.stdin.flush()
    took, found = json.loads(rival.stdout.readline())
    return took, found


async def _ours(address: Address) -> Any:
    config = Postgresql.model_validate(
        {
            "host": address.host,
            "port": address.port,
            "database": address.database,
            "user": address.user,
            "sslMode": "disable",
        }
    )
    async with postgresql_source(config, PostgresqlCredential(password=SecretStr(address.password))) as source:
        return await frame(source, ASKED)


async def _plain(address: Address) -> Any:
    connection = await asyncpg.connect(address.tcp_url())
    try:
        return pd.DataFrame(map(dict, await connection.fetch(ASKED)))
    finally:
        await connection.close()
