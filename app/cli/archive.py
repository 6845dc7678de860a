"""`python -m app archive`: how far back and how close the database can return to, and a lost data folder made anew."""

import asyncio
import sys
from datetime import datetime
from typing import Final

import click
import orjson
from rich.filesize import decimal
from rich.text import Text

from app.archiving import archive_of
from app.cli.tables import Cell, moment, show
from maestro.errors import InvalidInput, StartupError
from maestro.invocation import command
from maestro.settings import Settings
from ops.point_in_time import ArchiveState, Target, rebuild_data_folder, status

LOOKS: Final = "It looks like 2026-11-29T14:30:00Z."


@click.group()
def archive() -> None:
    """Every change of the database, kept so that it can return to any second."""


@archive.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_status(*, as_json: bool) -> None:
    """Show which moments can be returned to, and what a disaster would lose; exit with 1 when nothing is received."""
    state = asyncio.run(status(archive_of(Settings())))
    if as_json:
        click.echo(orjson.dumps(_plain(state)))
    else:
        show(("", ""), [(Text(name, style="dim"), told) for name, told in _facts(state)])
    sys.exit(0 if state.trouble is None else 1)


@archive.command("rebuild")
@click.option("--to", "time", help="Return to this moment; as far as the changes lead unless given.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def rebuild(time: str | None, *, yes: bool) -> None:
    """Make the data folder of a lost or damaged embedded database anew. The server must not run.

    What is left of the old folder is moved aside, and counts as far as it can be read.
    """
    settings = Settings()
    if settings.database_url is not None:
        raise StartupError("The database is not the embedded one.", hint="Rebuild it by the means of its own server.")
    target = Target() if time is None else Target(time=instant(time))
    if not yes:
        click.confirm(f"The database in {settings.data_dir} is replaced. Go on?", abort=True, err=True)
    done = asyncio.run(rebuild_data_folder(settings.data_dir, archive_of(settings), target=target, progress=_Lines()))
    reached = "the end of what was kept" if done.reached_at is None else f"{done.reached_at:%Y-%m-%d %H:%M:%S} UTC"
    click.echo(f"The database is as it was at {reached}.")
    if done.damaged is not None:
        click.echo(f"What there was is in {done.damaged}.")
    click.echo(f"{command('serve')} starts it; make a base backup then, by {command('backup base')}.")


def instant(text: str) -> datetime:
    """Return a moment that somebody types, in the zone of this machine unless it names one; InvalidInput."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise InvalidInput(f"{text!r} is no moment.", hint=LOOKS) from None


class _Lines:
    """A line for each phase."""

    def __init__(self) -> None:
        self._phase = ""

    def __call__(
        self,
        phase: str,
        completed: int | None = None,  # noqa: ARG002 -- a Progress is given it
        total: int | None = None,  # noqa: ARG002 -- a Progress is given it
        *,
        unit: str | None = None,  # noqa: ARG002 -- a Progress is given it
    ) -> None:
        if phase != self._phase:
            self._phase = phase
            click.echo(phase, err=True)


def _facts(state: ArchiveState) -> list[tuple[str, Cell]]:
    spans = [f"{_second(first)} to {_second(last)}" for first, last in state.reach.spans]
    gaps = [f"{gap.first} to {gap.last}" for gap in state.reach.gaps]
    lag = "" if state.lag_s is None else f"{state.lag_s:,.1f} s of changes"
    trouble: Cell = Text(state.trouble, style="red") if state.trouble else Text("received as they come", style="green")
    facts: list[tuple[str, Cell]] = [
        ("changes", trouble),
        ("a disaster now loses", lag),
        ("any moment from", "\n".join(spans) or "none: there is no base backup"),
        ("missing", "\n".join(gaps)),
        ("base backups", f"{len(state.bases):,}, {decimal(state.base_bytes)}"),
        ("changes kept", decimal(state.wal_bytes)),
        ("named points", "\n".join(f"{one.name}  {moment(one.at.isoformat())}" for one in state.points)),
    ]
    return [(name, told) for name, told in facts if str(told)]


def _second(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _plain(state: ArchiveState) -> dict[str, object]:
    return {
        "level": state.level,
        "isReceiving": state.is_receiving,
        "lagSeconds": state.lag_s,
        "trouble": state.trouble,
        "reachable": [{"from": first.isoformat(), "to": last.isoformat()} for first, last in state.reach.spans],
        "baseBackups": len(state.bases),
        "baseBytes": state.base_bytes,
        "walBytes": state.wal_bytes,
    }
