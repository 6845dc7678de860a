"""`python -m app restore`: the return to a backup or to a moment, and the way back."""

import sys
from collections.abc import Mapping
from typing import Any, Final

import click
import orjson
from rich.text import Text

from app.acting import as_owner, carried_out
from app.cli.archive import instant
from app.cli.carrying_out import carry_out
from app.cli.job_cards import COLOURS, SHORT
from app.cli.tables import Cell, lasting, moment, show
from maestro.ids import Kind, encode, uuid_of
from maestro.invocation import command
from maestro.settings import Settings
from resolvers import by_name
from resolvers.context import Context

SHOWN: Final = """id state scope targetTime isDryRun createdAt endedAt timings keptDatabase keptUntil rolledBackAt
    canRollBack verification backup { id label createdAt } safetyBackup { id }
    job { id state error { code message } }"""
LIST: Final = f"query Restores {{ restores(first: 100) {{ nodes {{ {SHOWN} }} }} }}"
SHOW: Final = f"query Restore($id: ID!) {{ restore(id: $id) {{ {SHOWN} }} }}"
START: Final = f"""mutation StartRestore($id: ID!, $scope: RestoreScopeInput, $dryRun: Boolean!, $hours: Int) {{
    done: startRestore(backupId: $id, scope: $scope, dryRun: $dryRun, keepForHours: $hours) {{ {SHOWN} }}
}}"""
TO_TIME: Final = f"""mutation RestoreToTime($time: DateTime!, $dryRun: Boolean!, $hours: Int) {{
    done: restoreToTime(time: $time, dryRun: $dryRun, keepForHours: $hours) {{ {SHOWN} }}
}}"""
ROLL_BACK: Final = "mutation RollBack($id: ID!) { job: rollbackRestore(id: $id) { id } }"
AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
DRY_RUN: Final = click.option("--dry-run", is_flag=True, help="Do everything but the last step: nothing changes.")
HOURS: Final = click.option("--keep-for-hours", "hours", type=int, help="How long to keep what is replaced.")
YES: Final = click.option("--yes", is_flag=True, help="Do not ask.")

Restore = Mapping[str, Any]


@click.group()
def restore() -> None:
    """Return to a backup or to a moment, and back again. What is replaced is kept for a time."""


@restore.command("start")
@click.argument("which", metavar="BACKUP")
@click.option("--organization", metavar="ID", help="Only this organisation of the backup, as a new one.")
@click.option("--project", metavar="ID", help="Only this project of the backup, as a new one.")
@click.option("--as", "name", metavar="NAME", help="The slug of the new organisation, or the name of the new project.")
@DRY_RUN
@HOURS
@YES
@AS_JSON
def start_restore(which: str, **given: Any) -> None:
    """Return to a backup: all of it in the place of what is there, or a part of it beside that.

    BACKUP is an id, how that ends, or `latest`, the newest backup that was proved good.
    """
    scope = _scope(given["organization"], given["project"], given["name"])
    if scope is None:
        _confirm("Everything that was written since this backup is set aside.", given)

    async def start(ctx: Context) -> Any:
        key = await by_name.backup_id(ctx, which, is_proved=True)
        variables = {"id": key, "scope": scope, "dryRun": given["dry_run"], "hours": given["hours"]}
        return (await carried_out(ctx, START, **variables))["done"]

    _follow(start, as_json=given["as_json"])


@restore.command("to-time")
@click.argument("time")
@DRY_RUN
@HOURS
@YES
@AS_JSON
def to_time(time: str, **given: Any) -> None:
    """Return to a moment, like 2026-11-29T14:30:00Z, from a base backup and the changes since."""
    moment_wanted = instant(time).isoformat()
    _confirm(f"Everything that was written since {moment_wanted} is set aside.", given)

    async def start(ctx: Context) -> Any:
        variables = {"time": moment_wanted, "dryRun": given["dry_run"], "hours": given["hours"]}
        return (await carried_out(ctx, TO_TIME, **variables))["done"]

    _follow(start, as_json=given["as_json"])


@restore.command("list")
@AS_JSON
def list_restores(*, as_json: bool) -> None:
    """List the restores, the newest first, and what they can still be undone to."""
    restores = as_owner(Settings(), lambda ctx: carried_out(ctx, LIST))["restores"]["nodes"]
    if as_json:
        click.echo(orjson.dumps({"restores": restores}))
    elif not restores:
        click.echo("Nothing was restored yet.", err=True)
    else:
        titles = ("id", "to", "of", "state", "asked for", "took", "unavailable", "way back until")
        show(titles, [_line(one) for one in restores])


@restore.command("rollback")
@click.argument("which", metavar="ID")
@YES
@AS_JSON
def roll_back(which: str, **given: Any) -> None:
    """Undo a restore: what it replaced takes its place again."""
    _confirm("Everything that was written since the restore is set aside.", given)

    async def start(ctx: Context) -> Any:
        return await carried_out(ctx, ROLL_BACK, id=await by_name.restore_id(ctx, which))

    _, code = carry_out(start, wait=True, as_json=given["as_json"])
    sys.exit(code)


def _follow(start: Any, *, as_json: bool) -> None:
    begun, code = carry_out(start, wait=True, as_json=as_json)
    found = as_owner(Settings(), lambda ctx: carried_out(ctx, SHOW, id=begun["id"]))["restore"] or begun
    if as_json:
        click.echo(orjson.dumps(found))
    elif code == 0:
        click.echo(_told(found))
    sys.exit(code)


def _told(one: Restore) -> str:
    if one["isDryRun"]:
        return "The restore would succeed. Nothing has changed."
    if one["keptDatabase"] is None:
        return "Restored."
    undo = command(f"restore rollback {_short(one)}")
    return (
        f"Restored; requests were refused for {_unavailable(one)}. Until {moment(one['keptUntil'])} "
        f"{undo} returns to what was there before."
    )


def _confirm(told: str, given: Mapping[str, Any]) -> None:
    if not (given["yes"] or given.get("dry_run") or given["as_json"]):
        click.confirm(f"{told} Go on?", abort=True, err=True)


def _scope(organization: str | None, project: str | None, name: str | None) -> dict[str, Any] | None:
    if organization is None and project is None:
        return None
    if organization is not None and project is not None:
        raise click.UsageError("Name an organisation or a project, not both.")
    if name is None:
        raise click.UsageError("Say by --as what the new one is called.")
    if organization is not None:
        return {"organization": {"id": _id(Kind.Organization, organization), "newSlug": name}}
    return {"project": {"id": _id(Kind.Project, str(project)), "newName": name}}


def _id(kind: Kind, text: str) -> str:
    return encode(kind, uuid_of(kind, text))


def _line(one: Restore) -> tuple[Cell, ...]:
    to = moment(one["targetTime"], otherwise="") or (f"backup {one['backup']['id'][-SHORT:]}" if one["backup"] else "")
    back = moment(one["keptUntil"], otherwise="") if one["canRollBack"] else ""
    return (
        _short(one),
        to,
        one["scope"].get("what", "EVERYTHING").lower(),
        Text(_state(one), style=COLOURS[one["state"]]),
        moment(one["createdAt"]),
        lasting(one["createdAt"], one["endedAt"]) if one["endedAt"] else "",
        _unavailable(one),
        back,
    )


def _state(one: Restore) -> str:
    if one["rolledBackAt"] is not None:
        return "rolled back"
    return str(one["state"]).lower() + (" (dry run)" if one["isDryRun"] else "")


def _unavailable(one: Restore) -> str:
    seconds = (one["timings"] or {}).get("unavailable")
    return "" if seconds is None else f"{seconds * 1000:,.0f} ms"


def _short(one: Restore) -> str:
    return str(one["id"])[-SHORT:]
