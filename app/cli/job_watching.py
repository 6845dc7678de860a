"""Following a job from a command: a bar on a terminal, lines in a pipe, JSON for programs."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, Protocol

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from app.acting import followed, owner_in
from app.cli.job_cards import COLOURS, EVENTS, FIELDS, LIVE, Job, counted, event_line, share, title, where
from app.cli.tables import lasting
from maestro.db.rows import CONNECTION_LOST
from maestro.errors import NotFound, Unavailable
from resolvers.context import Context

WATCH: Final = f"""subscription Watch($id: ID!, $after: String) {{
    jobUpdated(id: $id, after: $after) {{ cursor job {{ {FIELDS} }} events {{ {EVENTS} }} }}
}}"""
PATIENCE_S: Final = 60.0
"""So long the database may be away, while it is exchanged for a restored one, say."""
PAUSE_S: Final = 0.5
STEP: Final = 0.1
"""In a pipe, progress is told each tenth of the way."""

Event = Mapping[str, Any]
Update = Mapping[str, Any]


class Shown(Protocol):
    """A way to show a job while it runs."""

    def update(self, job: Job, events: Sequence[Event]) -> None:
        """Show how a job is now, and what has happened since the last time."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


async def watched(ctx: Context, job_id: str, *, as_json: bool = False) -> Job:
    """Show a job until it has ended, and return it as it is then; while the database is away it is waited for."""
    console = Console(highlight=False, stderr=as_json)
    shown: Shown = AsJson() if as_json else Bar(console) if console.is_terminal else Lines()
    job: Job = {}
    try:
        async for update in _updates(ctx, job_id):
            job = update["job"]
            shown.update(job, update["events"])
    finally:
        shown.close()
    return job


def has_succeeded(job: Job) -> bool:
    """Say whether a job that has ended has done all that it was asked to do."""
    return bool(job["state"] == "SUCCEEDED")


async def _updates(ctx: Context, job_id: str) -> AsyncIterator[Update]:
    """Yield each update of a job up to its end, across interruptions of the connection."""
    after, heard_at, is_over = None, time.monotonic(), False
    while not is_over:
        try:
            async for event in followed(ctx, WATCH, id=job_id, after=after):
                update = event["jobUpdated"]
                after, heard_at = update["cursor"], time.monotonic()
                is_over = update["job"]["state"] not in LIVE
                yield update
        except (*CONNECTION_LOST, Unavailable):
            if time.monotonic() - heard_at > PATIENCE_S:
                raise
            await asyncio.sleep(PAUSE_S)
            ctx.loaders.clear()
        except NotFound:
            # A restore has brought another installation here, whose first organisation has the job now.
            present = await owner_in(ctx.runtime)
            if present.organization_id == ctx.organization_id:
                raise
            ctx, after = present, None


class Took(ProgressColumn):
    """How long a job has been running, whoever has watched it since when."""

    def render(self, task: Task) -> Text:
        """Return it as it is now."""
        return Text(lasting(task.fields["began"], None), style="dim")


class Bar:
    """A bar that moves, with what happens above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[share]:>4}"),
            TextColumn("{task.fields[told]}", markup=False),
            Took(),
            TimeRemainingColumn(compact=True),
            console=console,
        )
        self._task = self._progress.add_task("", total=None, share="", told="", began=None)
        self._phase: str | None = None
        self._progress.start()

    def close(self) -> None:
        """Stop the bar."""
        self._progress.stop()

    def update(self, job: Job, events: Sequence[Event]) -> None:
        """Move the bar."""
        part = share(job["progress"])
        is_live = job["state"] in LIVE
        if job["state"] == "SUCCEEDED":
            part = 1.0
        if job["progress"]["phase"] != self._phase:
            # What is left is reckoned from how fast this phase goes.
            self._phase = job["progress"]["phase"]
            self._progress.reset(self._task)
        self._progress.update(
            self._task,
            description=title(job),
            total=None if part is None and is_live else 1.0,
            completed=part or 0.0,
            share="" if part is None else f"{part:.0%}",
            told=_told(job) if is_live else "",
            began=job["startedAt"] if is_live else None,
        )
        for event in events:
            self._console.print(event_line(event))
        self._progress.refresh()
        if not is_live:
            self._progress.stop()
            self._console.print(summary(job))


class Lines:
    """A line for each thing that happens, each phase and each tenth of the way."""

    def __init__(self) -> None:
        self._told = ""
        self._part = -1.0
        self._state = ""

    def close(self) -> None:
        """Nothing is to be left as it was."""

    def update(self, job: Job, events: Sequence[Event]) -> None:
        """Print what is new."""
        for event in events:
            click.echo(event_line(event).plain)
        if job["state"] not in LIVE:
            click.echo(summary(job).plain)
            return
        phase, part = job["progress"]["phase"] or "", share(job["progress"])
        is_further = part is not None and part - self._part >= STEP
        if job["state"] != self._state or phase != self._told or is_further:
            click.echo(f"{job['state'].lower()}: {where(job)}" if where(job) else job["state"].lower())
            self._part = part or 0.0
        self._state, self._told = job["state"], phase


class AsJson:
    """Each update as a line of JSON."""

    def close(self) -> None:
        """Nothing is to be left as it was."""

    def update(self, job: Job, events: Sequence[Event]) -> None:
        """Print it."""
        click.echo(orjson.dumps({"job": job, "events": events}))


def summary(job: Job) -> Text:
    """Return how a job has ended, in a line."""
    marks = {"SUCCEEDED": "✓", "PARTIAL": "!", "CANCELLED": "-", "FAILED": "✗"}
    took = lasting(job["startedAt"], job["endedAt"])
    line = Text(f"{marks.get(job['state'], ' ')} {title(job)} {job['state'].lower()}", style=COLOURS[job["state"]])
    if took:
        line.append(f" after {took}", style="dim")
    if job["error"] is not None:
        line.append(f"\n  {job['error']['code']}: {job['error']['message']}", style="red")
    return line


def _told(job: Job) -> str:
    if job["state"] == "QUEUED":
        return "waits for a worker"
    phase = "stops" if job["state"] == "CANCELLING" else job["progress"]["phase"] or ""
    return ", ".join(filter(None, (phase, counted(job["progress"]))))
