"""The data that all servers answer from: a generated organisation, one long series as rows, and a role that reads."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Final
from uuid import UUID

import numpy as np
from sqlalchemy.engine import make_url

from app.acting import carried_out, owner_in
from app.database import bring_up_to_date, database, server_account
from app.server import opened
from loadtests.peers.processors import postmaster_of
from maestro.clock import now
from maestro.db.engine import OWNER_ROLE
from maestro.points import PointColumns, summarise
from maestro.runtime import Runtime
from maestro.settings import Settings
from ops.seeding.rows import key_at
from ops.seeding.scale import generate
from ops.series import columns_of
from resolvers.setup import Owner

POINTS: Final = 10_000
WALK: Final = "walk"
"""The metric whose points lie as rows, which every server can read."""
ROLE: Final = "peer_reader"
TABLES: Final = ("project", "experiment", "run", "param", "metric_key", "metric_series", "metric_hot", "user")
KEY: Final = 'mutation { createApiKey(input: { name: "peers" }) { key } }'
_LAST: Final = """SELECT id, organization_id, project_id, (extract(epoch FROM started_at) * 1000)::bigint AS began_ms
    FROM run ORDER BY id LIMIT 1"""
_SIZES: Final = """SELECT (SELECT count(*) FROM project) AS projects, (SELECT count(*) FROM run) AS runs,
    (SELECT count(*) FROM param) AS params, (SELECT count(*) FROM metric_series) AS series,
    (SELECT sum(n)::bigint FROM metric_series) AS points, (SELECT version()) AS postgresql"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where servers find the data: URLs of our server's account and of the role that reads, a key, ids to ask for."""

    folder: Path
    postmaster: int
    url: str
    peer_url: str
    key: str
    project: UUID
    series: UUID
    sizes: dict[str, int | str]


@contextmanager
def ground(folder: Path, runs: int) -> Iterator[Ground]:
    """Start an embedded PostgreSQL in a folder, fill it, and stop it at the end of the block."""
    settings = Settings(data_dir=folder, database_url=None)
    with database(settings, is_owner=True) as url:
        bring_up_to_date(settings, url)
        server_url = server_account(settings, url)
        yield asyncio.run(lay(settings, url, runs=runs, server_url=server_url, postmaster=postmaster_of(folder)))


async def lay(settings: Settings, url: str, *, runs: int, server_url: str, postmaster: int) -> Ground:
    """Fill a migrated database of the owner's, which our server reaches by a URL of its own."""
    async with opened(settings, url, system_role=OWNER_ROLE) as runtime:
        context = await owner_in(runtime)
        whose = Owner(context.viewer.actor_id, context.viewer.organization_id)
        await generate(runtime.db, whose, runs, now=now(), progress=lambda *_: None)
        key = (await carried_out(context, KEY))["createApiKey"]["key"]
        series = await _add_walk(runtime)
        password = await _add_reader(runtime)
        (project,) = await runtime.db.fetch_sql("SELECT id FROM project ORDER BY id DESC LIMIT 1")
        (sizes,) = await runtime.db.fetch_sql(_SIZES)
        # All of it, so that no server pays for the first reading of a page.
        await runtime.db.fetch_sql("VACUUM (ANALYZE)")
    peer = make_url(url).set(drivername="postgresql", username=ROLE, password=password)
    return Ground(
        folder=settings.data_dir,
        postmaster=postmaster,
        url=server_url,
        peer_url=peer.render_as_string(hide_password=False),
        key=key,
        project=project.id,
        series=series,
        sizes={**sizes},
    )


async def _add_walk(runtime: Runtime) -> UUID:
    """Log a random walk to the first run, as rows."""
    (run,) = await runtime.db.fetch_sql(_LAST)
    steps = np.arange(POINTS)
    values = np.random.default_rng(7).normal(size=POINTS).cumsum()
    points = PointColumns(steps, run.began_ms + 1000 * steps, values)
    key, series = key_at(run.began_ms), key_at(run.began_ms)
    async with runtime.db.transaction() as tx:
        columns = ["id", "organization_id", "project_id", "name"]
        await tx.copy("metric_key", columns, [(key, run.organization_id, run.project_id, WALK)])
        told = {"id": series, "organization_id": run.organization_id, "project_id": run.project_id}
        told |= {"run_id": run.id, "key_id": key, **columns_of(summarise(points))}
        await tx.copy("metric_series", [*told], [tuple(told.values())])
        rows = zip(points.steps.tolist(), points.timestamps_ms.tolist(), points.values.tolist(), strict=True)
        columns = ["series_id", "organization_id", "step", "t_ms", "value"]
        await tx.copy("metric_hot", columns, ((series, run.organization_id, *row) for row in rows))
    return series


async def _add_reader(runtime: Runtime) -> str:
    """Make the role by which the others read, and return its password; it knows no organisations."""
    password = token_hex(16)
    for statement in (
        f"DO $$ BEGIN CREATE ROLE {ROLE}; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        f"ALTER ROLE {ROLE} LOGIN BYPASSRLS PASSWORD '{password}'",
        f"ALTER ROLE {ROLE} SET default_transaction_read_only = on",
        f"GRANT USAGE ON SCHEMA public TO {ROLE}",
        "GRANT SELECT ON " + ", ".join(f'"{table}"' for table in TABLES) + f" TO {ROLE}",
    ):
        await runtime.db.fetch_sql(statement)
    return password
