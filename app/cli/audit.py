"""`python -m app audit`: is the audit log as it was written, and taking it away."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import click
import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import resolvers.audit
from app.acting import as_owner
from app.database import database
from app.server import opened
from maestro.db.engine import Database
from maestro.db.migrate import require_current
from maestro.db.rows import Row
from maestro.errors import InvalidInput, NotFound
from maestro.ids import Kind, encode
from maestro.settings import Settings
from ops.audit import Head, Verdict, verify
from resolvers.audit import Part, moment
from resolvers.context import Context

# Slugs are free to choose, and several organisations may have one; no slug has the form of an id.
_FOUND: Final = """
    SELECT id, slug FROM organization
    WHERE $1::text IS NULL OR $1 IN (slug, 'organization_' || replace(id::text, '-', '')) ORDER BY slug, id
"""

Judged: TypeAlias = tuple[Row, Verdict]
"""An organisation and what came of verifying its log."""


@click.group()
def audit() -> None:
    """Verify the audit log, and take it away."""


@audit.command("verify")
@click.option("--organization", metavar="SLUG-OR-ID", help="Whose log; all of them unless given.")
@click.option("--head", metavar="NUMBER:HASH", help="The head of an earlier verification that was kept elsewhere.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify_log(organization: str | None, head: str | None, *, as_json: bool) -> None:
    """Compute every hash anew; exit with 1 when an entry was changed, removed, moved or cut off."""
    settings, expected = Settings(), None if head is None else Head.parse(head, field="head")

    async def judge(url: str) -> list[Judged]:
        async with opened(settings, url) as runtime:
            found = await _organizations(runtime.db, organization)
            if expected is not None and len(found) > 1:
                raise InvalidInput("A head belongs to one log.", hint="Say whose with --organization, by its id.")
            return [(one, await verify(runtime.db, one.id, expected)) for one in found]

    with database(settings) as url:
        require_current(url)
        verdicts = asyncio.run(judge(url))
    if as_json:
        click.echo(orjson.dumps({"organizations": [_told(*one) for one in verdicts]}))
    else:
        _print(verdicts)
    sys.exit(0 if all(verdict.is_intact for _, verdict in verdicts) else 1)


@audit.command("export")
@click.option("--organization", metavar="SLUG-OR-ID", help="Whose log; that of the first organization unless given.")
@click.option("--filter", "filter_text", metavar="TEXT", help="Which entries, in the language of filters.")
@click.option("--since", metavar="TIME", help="From when on, like 2026-01-31T12:00:00Z.")
@click.option("--until", metavar="TIME", help="Before when.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")
def export_log(
    organization: str | None, *, filter_text: str | None, since: str | None, until: str | None, output: Path | None
) -> None:
    """Write the log as JSON Lines, the oldest entry first; that this was done is the last one, unless filtered out."""
    part = Part(filter_text, since=moment(since, field="since"), until=moment(until, field="until"))

    async def write(ctx: Context) -> None:
        if organization is not None:
            found = await _organizations(ctx.runtime.db, organization)
            if len(found) > 1:
                raise InvalidInput(f"Several organizations have the slug {organization!r}.", hint="Name one by its id.")
            ctx = Context(ctx.runtime, replace(ctx.viewer, organization_id=found[0].id))
        lines = await resolvers.audit.export(ctx, part)
        with click.open_file("-" if output is None else str(output), "wb") as file:
            async for stretch in lines:
                file.write(stretch)

    as_owner(Settings(), write)


async def _organizations(db: Database, named: str | None) -> list[Row]:
    found = await db.fetch_sql(_FOUND, named)
    if not found and named is not None:
        raise NotFound(f"There is no organization {named!r}.", hint="Name it by its slug or id.")
    return found


def _told(organization: Row, verdict: Verdict) -> Mapping[str, Any]:
    return {
        "organization": organization.slug,
        "id": encode(Kind.Organization, organization.id),
        "isIntact": verdict.is_intact,
        "entries": verdict.head.seq,
        "head": str(verdict.head),
        "flaw": verdict.flaw,
        "seq": verdict.seq,
        "entry": None if verdict.entry_id is None else encode(Kind.AuditEntry, verdict.entry_id),
        "message": verdict.message,
    }


def _print(verdicts: Sequence[Judged]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for organization, verdict in verdicts:
        mark = "[green]✓[/]" if verdict.is_intact else "[bold red]✗[/]"
        table.add_row(mark, f"[bold]{escape(organization.slug)}[/]", verdict.message)
        table.add_row("", "", f"[dim]id[/]   {encode(Kind.Organization, organization.id)}")
        table.add_row("", "", f"[dim]head[/] {verdict.head}")
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    if all(verdict.is_intact for _, verdict in verdicts):
        console.print("[dim]Keep the head outside the database, and pass it with --head the next time.[/]")
