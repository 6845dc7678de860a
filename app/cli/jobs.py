"""`python -m app job`: background jobs, listed, shown, followed, cancelled and tried again."""

import sys
from typing import Any, Final

import click
import orjson

from app.acting import as_owner, carried_out
from app.cli.job_cards import EVENTS, FIELDS, SHORT, Job, card, short, state, title, where
from app.cli.job_watching import has_succeeded, watched
from app.cli.tables import console, lasting, moment, show
from maestro.db.tables.enums import JobKind, JobState
from maestro.invocation import command
from maestro.settings import Settings
from resolvers import by_name
from resolvers.context import Context

LIST: Final = f"""query Jobs($first: Int!, $filter: JobFilter) {{
    jobs(first: $first, filter: $filter) {{ nodes {{ {FIELDS} }} pageInfo {{ hasNextPage }} }}
}}"""
SHOW: Final = f"""query Job($id: ID!) {{
    job(id: $id) {{ {FIELDS} events(first: 200) {{ nodes {{ {EVENTS} }} pageInfo {{ hasNextPage }} }} }}
}}"""
CANCEL: Final = f"mutation CancelJob($id: ID!) {{ done: cancelJob(id: $id) {{ {FIELDS} }} }}"
RETRY: Final = f"mutation RetryJob($id: ID!) {{ done: retryJob(id: $id) {{ {FIELDS} }} }}"
AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
WHICH: Final = click.argument("which", metavar="ID")
INTERRUPTED: Final = 130
"""What a command exits with that Ctrl-C has ended."""


@click.group()
def job() -> None:
    """See background jobs, follow, cancel and retry them. A job is named by its id, or by how that ends."""


@job.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([*JobState], case_sensitive=False),
    help="Only jobs in this state; may be repeated.",
)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([*JobKind], case_sensitive=False),
    help="Only jobs of this kind; may be repeated.",
)
@click.option("--limit", default=30, show_default=True, type=click.IntRange(1, 1000), help="How many at most.")
@AS_JSON
def list_jobs(*, states: tuple[str, ...], kinds: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List jobs, the newest first."""
    wanted: dict[str, Any] = {}
    if states:
        wanted["state"] = {"in": [JobState(one.upper()).name for one in states]}
    if kinds:
        wanted["kind"] = {"in": [JobKind(one.upper()).name for one in kinds]}

    async def load(ctx: Context) -> Any:
        return (await carried_out(ctx, LIST, first=limit, filter=wanted or None))["jobs"]

    page = as_owner(Settings(), load)
    if as_json:
        click.echo(orjson.dumps({"jobs": page["nodes"]}))
        return
    if not page["nodes"]:
        click.echo("There are no such jobs.", err=True)
        return
    show(("id", "what", "state", "asked for", "took", ""), [_line(one) for one in page["nodes"]])
    if page["pageInfo"]["hasNextPage"]:
        click.echo("There are more: see --limit.", err=True)


@job.command("show")
@WHICH
@AS_JSON
def show_job(which: str, *, as_json: bool) -> None:
    """Show all that is known of a job, and what has happened to it."""

    async def load(ctx: Context) -> Any:
        return (await carried_out(ctx, SHOW, id=await by_name.job_id(ctx, which)))["job"]

    found = as_owner(Settings(), load)
    page = found.pop("events")
    events = page["nodes"][::-1]
    if as_json:
        click.echo(orjson.dumps({**found, "events": events}))
        return
    console().print(card(found, events))
    if page["pageInfo"]["hasNextPage"]:
        click.echo(f"Only the last {len(events):,} of its events are shown.", err=True)


@job.command("watch")
@WHICH
@AS_JSON
def watch_job(which: str, *, as_json: bool) -> None:
    """Follow a job until it has ended; exit with 1 unless it has succeeded. Ctrl-C stops following, not the job."""
    sys.exit(watch(which, as_json=as_json))


def watch(which: str, *, as_json: bool = False) -> int:
    """Follow a job until it has ended and return what the command exits with."""

    async def follow(ctx: Context) -> Job:
        return await watched(ctx, await by_name.job_id(ctx, which), as_json=as_json)

    try:
        return 0 if has_succeeded(as_owner(Settings(), follow)) else 1
    except KeyboardInterrupt:
        click.echo(f"The job goes on; {command(f'job cancel {which[-SHORT:]}')} ends it.", err=True)
        return INTERRUPTED


@job.command("cancel")
@WHICH
@AS_JSON
def cancel_job(which: str, *, as_json: bool) -> None:
    """Ask for the end of a job; one that runs stops within seconds."""
    done = _change(CANCEL, which)
    told = "is cancelled." if done["state"] == "CANCELLED" else f"is stopping; {command(f'job watch {short(done)}')}"
    click.echo(orjson.dumps(done) if as_json else f"{title(done)} {short(done)} {told}")


@job.command("retry")
@WHICH
@AS_JSON
def retry_job(which: str, *, as_json: bool) -> None:
    """Have a job that failed, was cancelled or is done in part run again from its start."""
    done = _change(RETRY, which)
    told = f"is tried again, attempt {done['attempt']}; {command(f'job watch {short(done)}')}"
    click.echo(orjson.dumps(done) if as_json else f"{title(done)} {short(done)} {told}")


def _change(mutation: str, which: str) -> Job:
    async def carry_out(ctx: Context) -> Any:
        return (await carried_out(ctx, mutation, id=await by_name.job_id(ctx, which)))["done"]

    done: Job = as_owner(Settings(), carry_out)
    return done


def _line(one: Job) -> tuple[Any, ...]:
    took = lasting(one["startedAt"], one["endedAt"])
    return (short(one), title(one), state(one), moment(one["createdAt"]), took, where(one))
