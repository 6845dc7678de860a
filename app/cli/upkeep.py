"""`python -m app database`: how the database is, what it spends its time on, and doing something about it."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, TypeVar

import click
import orjson
from pydantic.alias_generators import to_camel
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from app.database import database as opened_database
from app.database import operations_url, require_owner
from maestro.db.engine import OWNER_ROLE, SYSTEM_ROLE, Database
from maestro.db.migrate import require_current
from maestro.progress import Progress, untold
from maestro.settings import Settings
from ops.database import slow_statements
from ops.database.findings import Finding, Severity
from ops.database.health import Health, examine
from ops.database.optimizing import ActionState, Optimized, optimize
from ops.database.slow_statements import SlowStatements, StatementOrder

T = TypeVar("T")

SHOWN_TABLES: Final = 10
COLORS: Final = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}
MARKS: Final = {
    ActionState.PLANNED: "[dim]·[/]",
    ActionState.DONE: "[green]✓[/]",
    ActionState.SKIPPED: "[yellow]-[/]",
    ActionState.FAILED: "[bold red]✗[/]",
}
PASTS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
SECOND_MS: Final = 1000
UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")
STEP: Final = 1024

console = Console(highlight=False)


@click.group()
def database() -> None:
    """Look after the database."""


@database.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def health(*, as_json: bool) -> None:
    """Tell what is not as it should be, and what helps; exit with 1 when something is critical."""
    found = _read(examine)
    if as_json:
        click.echo(_json({**asdict(found.activity), **asdict(found)}, drop=("activity",)))
    else:
        _print_health(found)
    sys.exit(1 if found.worst is Severity.CRITICAL else 0)


@database.command()
@click.option("--first", default=10, show_default=True, help="How many; at most 200.")
@click.option(
    "--order",
    type=click.Choice([order.value.lower().replace("_", "-") for order in StatementOrder]),
    default="total-time",
    show_default=True,
    help="By what they are sorted, the most first.",
)
@click.option("--reset", is_flag=True, help="Begin to count anew once they are shown.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def slow(first: int, order: str, *, reset: bool, as_json: bool) -> None:
    """Tell what the database spends its time on."""

    async def work(db: Database) -> SlowStatements:
        chosen = StatementOrder(order.upper().replace("-", "_"))
        found = await slow_statements.slowest(db, first=first, order=chosen)
        if reset:
            await slow_statements.reset(db)
        return found

    found = _read(work)
    if as_json:
        click.echo(_json(asdict(found)))
    else:
        _print_slow(found)


@database.command("optimize")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def optimize_now(*, dry_run: bool, as_json: bool) -> None:
    """Vacuum, analyse and rebuild what needs it, while everybody works; exit with 1 when something failed."""
    settings = Settings()
    with opened_database(settings) as url:
        require_current(url)
        owners = operations_url(settings, url) or url
        require_owner(owners)
        with _shown() as progress:
            done = asyncio.run(optimize(owners, dry_run=dry_run, progress=progress))
    if as_json:
        click.echo(_json({**asdict(done), "bytes_gained": done.bytes_gained}))
    else:
        _print_optimized(done)
    sys.exit(1 if any(action.state is ActionState.FAILED for action in done.actions) else 0)


def _read(work: Callable[[Database], Awaitable[T]]) -> T:
    async def run(url: str, role: str) -> T:
        db = Database(url, pool_size=1, system_role=role)
        try:
            return await work(db)
        finally:
            await db.close()

    settings = Settings()
    with opened_database(settings) as url:
        require_current(url)
        owners = operations_url(settings, url)
        return asyncio.run(run(url, SYSTEM_ROLE) if owners is None else run(owners, OWNER_ROLE))


def _json(content: dict[str, Any], *, drop: tuple[str, ...] = ()) -> bytes:
    return orjson.dumps(_camel({name: value for name, value in content.items() if name not in drop}))


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {to_camel(name): _camel(one) for name, one in value.items()}
    return [_camel(one) for one in value] if isinstance(value, list | tuple) else value


@contextmanager
def _shown() -> Iterator[Progress]:
    """Show the progress where there is a terminal."""
    errors = Console(stderr=True)
    if not errors.is_terminal:
        yield untold
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("Looking", total=None)

        def tell(phase: str, completed: int | None = None, total: int | None = None, **_: str | None) -> None:
            bar.update(task, description=escape(phase), completed=completed or 0, total=total)

        yield tell


def _print_health(found: Health) -> None:
    going_on = found.activity
    console.print(
        f"[bold]PostgreSQL {going_on.server_version}[/], {size(going_on.size_bytes)}; of the pages that were asked for "
        f"{_rate(going_on.hit_rate)} were in memory, of those of indexes {_rate(going_on.index_hit_rate)}."
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("table", "rows", "dead", "size", "indexes", "empty", "vacuum", "analyse"):
        table.add_column(name, justify="left" if name == "table" else "right", no_wrap=True)
    for one in found.tables[:SHOWN_TABLES]:
        table.add_row(
            one.name,
            f"{one.live_rows:,}",
            f"{one.dead_ratio:.0%}",
            size(one.total_bytes),
            size(one.index_bytes),
            "-" if one.bloat_ratio is None else f"{one.bloat_ratio:.0%}",
            _ago(one.last_vacuum_at, going_on.taken_at),
            _ago(one.last_analyze_at, going_on.taken_at),
        )
    console.print(table)
    if not found.findings:
        console.print("[green]✓[/] Nothing is wrong.")
    for finding in found.findings:
        _print_finding(finding)


def _print_finding(finding: Finding) -> None:
    color = COLORS[finding.severity]
    number = "" if finding.value is None else f" [dim]({_number(finding.value, finding.unit)})[/]"
    console.print(f"[{color}]{finding.severity.value}[/] {escape(finding.message)}{number}")
    console.print(f"  {escape(finding.remedy)}")
    if finding.sql is not None:
        console.print(f"  [cyan]{escape(finding.sql)};[/]", soft_wrap=True)


def _print_slow(found: SlowStatements) -> None:
    if found.since is not None:
        console.print(f"[dim]Counted since {found.since:%Y-%m-%d %H:%M}, in the order of what is asked for.[/]")
    for one in found.statements:
        numbers = (
            f"[bold]{one.share:.0%}[/] of the time",
            f"{one.calls:,} calls",
            f"{_milliseconds(one.total_ms)} in all",
            f"{_milliseconds(one.mean_ms)} each",
            f"{_milliseconds(one.max_ms)} at most",
            f"{one.rows:,} rows",
            f"{_rate(one.hit_rate)} in memory",
        )
        console.print(" · ".join(numbers), soft_wrap=True)
        console.print(Padding(escape(_cut(one.text)), (0, 0, 1, 2)))
    if found.hidden:
        console.print(f"[dim]{found.hidden} statements are of accounts whose texts this one may not see.[/]")


def _print_optimized(done: Optimized) -> None:
    if not done.actions:
        console.print("[green]✓[/] Nothing has to be done.")
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for action in done.actions:
        told = action.message or action.reason
        gained = f"{size(action.bytes_gained)} gained" if action.bytes_gained else ""
        took = "" if done.is_dry_run else f"{action.seconds:.1f} s"
        table.add_row(MARKS[action.state], action.verb.value, escape(action.subject), escape(told), took, gained)
    console.print(table)
    console.print("[dim]Nothing was done.[/]" if done.is_dry_run else f"{size(done.bytes_gained)} gained.")


def size(count: float) -> str:
    """Return a number of bytes as people read it."""
    for unit in UNITS:
        if count < STEP or unit == UNITS[-1]:
            return f"{count:.0f} {unit}" if unit == UNITS[0] else f"{count:.1f} {unit}"
        count /= STEP
    raise AssertionError


def _number(value: float, unit: str | None) -> str:
    if unit == "bytes":
        return size(value)
    return f"{value:.1%}" if unit == "ratio" else f"{value:,.0f} {unit}"


def _rate(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1%}"


def _milliseconds(value: float) -> str:
    return f"{value / SECOND_MS:,.1f} s" if value >= SECOND_MS else f"{value:.1f} ms"


def _cut(text: str) -> str:
    """Return as much of a statement as fits on three lines."""
    room = 3 * (console.width - 2)
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _ago(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "never"
    seconds = (now - moment).total_seconds()
    unit, length = next((one for one in PASTS if seconds >= one[1]), PASTS[-1])
    return f"{seconds / length:.0f} {unit}"
