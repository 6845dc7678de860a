"""`python -m app schedule`: when jobs begin by themselves."""

from collections.abc import Mapping
from typing import Any, Final

import click
import orjson
from rich.text import Text

from app.acting import as_owner, carried_out
from app.cli.tables import moment, show
from maestro.db.tables.enums import CatchUp, JobKind
from maestro.errors import InvalidInput
from maestro.job_inputs import INPUTS
from maestro.settings import Settings
from resolvers import by_name
from resolvers.context import Context

SHOWN: Final = "id name kind cron timezone input priority catchUp isPaused lastRunAt nextRunAt nextRuns(first: 3)"
LIST: Final = f"""query Schedules($after: String) {{
    schedules(first: 500, after: $after, sort: [{{ field: NAME }}]) {{
        nodes {{ {SHOWN} }} pageInfo {{ hasNextPage endCursor }}
    }}
}}"""
_SAVED: Final = f"... on ScheduleSaved {{ schedule {{ {SHOWN} }} }} ... on NameTaken {{ message }}"
ADD: Final = (
    f"mutation AddSchedule($input: CreateScheduleInput!) {{ done: createSchedule(input: $input) {{ {_SAVED} }} }}"
)
SWITCH: Final = (
    """mutation Switch($id: ID!) {
    done: %s(id: $id) { ... on ScheduleSaved { schedule { """
    + SHOWN
    + " } } } }"
)
KINDS: Final = [kind.value for kind, model in INPUTS.items() if model.is_schedulable]
AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
WHICH: Final = click.argument("which", metavar="NAME")

Schedule = Mapping[str, Any]


@click.group()
def schedule() -> None:
    """See when jobs begin by themselves, and change it."""


@schedule.command("list")
@AS_JSON
def list_schedules(*, as_json: bool) -> None:
    """List the schedules by their names, each with its next times in UTC."""

    async def load(ctx: Context) -> list[Schedule]:
        found: list[Schedule] = []
        after = None
        while True:
            page = (await carried_out(ctx, LIST, after=after))["schedules"]
            found += page["nodes"]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                return found

    schedules = as_owner(Settings(), load)
    if as_json:
        click.echo(orjson.dumps({"schedules": schedules}))
    elif schedules:
        show(("name", "what", "times", "in", "last", "next", "then"), [_line(one) for one in schedules])
    else:
        click.echo("There are no schedules.", err=True)


@schedule.command("add")
@click.argument("name")
@click.option("--kind", required=True, type=click.Choice(KINDS, case_sensitive=False), help="What its jobs do.")
@click.option(
    "--cron",
    required=True,
    metavar="EXPRESSION",
    help="Its times, like '30 2 * * *': minute, hour, day, month, weekday; or a name like @daily.",
)
@click.option(
    "--timezone", default="UTC", show_default=True, metavar="NAME", help="Where the clock hangs, like Europe/Berlin."
)
@click.option(
    "--input", "given", default="{}", metavar="JSON", help='What its jobs are asked to do, like {"label": "nightly"}.'
)
@click.option("--priority", default=0, show_default=True, help="Of jobs that wait, the higher ones go first.")
@click.option(
    "--catch-up",
    default=CatchUp.LAST.value,
    show_default=True,
    type=click.Choice([*CatchUp], case_sensitive=False),
    help="What to do about times that passed while no worker was there.",
)
@AS_JSON
def add_schedule(name: str, *, given: str, as_json: bool, **others: Any) -> None:
    """Add a schedule."""
    try:
        asked = orjson.loads(given)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"--input is no JSON: {error}.") from None
    sent = {
        "name": name,
        "input": asked,
        "cron": others["cron"],
        "timezone": others["timezone"],
        "priority": others["priority"],
        "kind": JobKind(others["kind"].upper()).name,
        "catchUp": CatchUp(others["catch_up"].upper()).name,
    }

    async def add(ctx: Context) -> Any:
        return (await carried_out(ctx, ADD, input=sent))["done"]

    done = as_owner(Settings(), add)
    if "message" in done:
        raise InvalidInput(done["message"], hint="Choose another name.")
    _tell(done["schedule"], f"is added: its next time is {_next(done['schedule'])}.", as_json=as_json)


@schedule.command("pause")
@WHICH
@AS_JSON
def pause_schedule(which: str, *, as_json: bool) -> None:
    """Pause a schedule: no job begins by it until it is resumed."""
    _tell(_switch("pauseSchedule", which), "is paused.", as_json=as_json)


@schedule.command("resume")
@WHICH
@AS_JSON
def resume_schedule(which: str, *, as_json: bool) -> None:
    """Resume a schedule."""
    done = _switch("resumeSchedule", which)
    _tell(done, f"goes on: its next time is {_next(done)}.", as_json=as_json)


@schedule.command("remove")
@WHICH
@AS_JSON
def remove_schedule(which: str, *, as_json: bool) -> None:
    """Remove a schedule for good; the jobs that it began stay."""
    _tell(_switch("deleteSchedule", which), "is removed.", as_json=as_json)


def _switch(mutation: str, which: str) -> Schedule:
    async def carry_out(ctx: Context) -> Any:
        return await carried_out(ctx, SWITCH % mutation, id=await by_name.schedule_id(ctx, which))

    done: Schedule = as_owner(Settings(), carry_out)["done"]["schedule"]
    return done


def _tell(one: Schedule, told: str, *, as_json: bool) -> None:
    click.echo(orjson.dumps(one) if as_json else f"The schedule {one['name']} {told}")


def _next(one: Schedule) -> str:
    return f"{moment(next(iter(one['nextRuns']), None))} UTC" if one["nextRuns"] else "never"


def _line(one: Schedule) -> tuple[str | Text, ...]:
    coming = [moment(time) for time in one["nextRuns"]]
    first: str | Text = Text("paused", style="yellow") if one["isPaused"] else next(iter(coming), "never")
    what = one["kind"].replace("_", " ").capitalize()
    return (one["name"], what, one["cron"], one["timezone"], moment(one["lastRunAt"]), first, ", ".join(coming[1:]))
