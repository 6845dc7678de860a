"""`python -m app sync`: the objects of one store, made to be those of another one too."""

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import click
import orjson
from rich.filesize import decimal
from rich.text import Text

from app.acting import as_owner, carried_out
from app.cli.carrying_out import carry_out
from app.cli.job_cards import COLOURS
from app.cli.sync_cards import count, plan_line, short, tell_plan
from app.cli.tables import Cell, lasting, moment, show
from maestro.db.tables.enums import PlanState
from maestro.invocation import command
from maestro.settings import Settings
from resolvers import by_name
from resolvers.context import Context

_SHARE: Final = "{ count bytes samples }"
PLANNED: Final = f"""id version state errorMessage refusal expiresAt source {{ name }} target {{ name }} summary {{
    add {_SHARE} update {_SHARE} remove {_SHARE} conflict {_SHARE} unchanged {_SHARE} leftOut {_SHARE} overwrites }}"""
RUN: Final = """id status trigger startedAt endedAt rolledBackAt canBeRolledBack source { name } target { name }
    plan { id } job { id state error { code message } }
    progress { objects objectsTotal bytes bytesTotal bytesPerSecond secondsLeft }
    stats { added updated removed conflicts skipped failed notDone bytes seconds verification { objects differing } }"""
PLAN: Final = "mutation PlanSync($input: PlanSyncInput!) { done: planSync(input: $input) { id job { id } } }"
START: Final = """mutation StartSync($id: ID!, $override: Boolean!) {
    done: startSync(planId: $id, overrideDeleteGuard: $override) { id job { id } }
}"""
ROLL_BACK: Final = "mutation RollbackSync($id: ID!) { job: rollbackSync(syncRunId: $id) { id } }"
SHOW_PLAN: Final = f"query Plan($id: ID!) {{ syncPlan(id: $id) {{ {PLANNED} }} }}"
LIST_PLANS: Final = f"""query Plans($filter: SyncPlanFilter) {{
    syncPlans(first: 100, filter: $filter) {{ nodes {{ {PLANNED} createdAt }} }}
}}"""
LIST: Final = f"query Syncs {{ syncRuns(first: 100) {{ nodes {{ {RUN} }} }} }}"
SHOW: Final = f"""query Sync($id: ID!) {{ syncRun(id: $id) {{ {RUN}
    failures(first: 100) {{ totalCount nodes {{ key error {{ code message }} }} }} }} }}"""
AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
NO_WAIT: Final = click.option("--no-wait", is_flag=True, help="Only start it; `job watch` follows it.")
WHICH: Final = click.argument("which", metavar="ID")

Shown = Mapping[str, Any]


@click.group()
def sync() -> None:
    """Compare two stores, and make the second one like the first.

    Connectors are named by their names, plans and syncs by their ids, or by how these end.
    """


@sync.command("plan")
@click.argument("source")
@click.argument("target")
@click.option("--from", "source_prefix", metavar="FOLDER", help="Only this folder of the source.")
@click.option("--to", "target_prefix", metavar="FOLDER", help="Into this folder of the target.")
@click.option("--include", multiple=True, metavar="PATTERN", help="Only what is met, like '*.ckpt'; may be repeated.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Not what is met; may be repeated.")
@click.option("--checksum", is_flag=True, help="Compare bytes, also where both stores have to be read for it.")
@click.option("--source-wins", is_flag=True, help="Replace what was changed later in the target.")
@click.option("--delete", is_flag=True, help="Remove what the source has not.")
@click.option("--verify", is_flag=True, help="Compare both once more at the end.")
@click.option("--bytes-per-second", type=int, help="Move at most so many bytes a second.")
@AS_JSON
def plan(source: str, target: str, *, as_json: bool, **options: Any) -> None:
    """Compare the connector SOURCE with the connector TARGET, and tell what a sync would do."""

    async def begin(ctx: Context) -> Any:
        given = {
            "sourceId": await by_name.connector_id(ctx, source),
            "targetId": await by_name.connector_id(ctx, target),
            **_options(options),
        }
        return (await carried_out(ctx, PLAN, input=given))["done"]

    made, code = carry_out(begin, wait=True, as_json=as_json)
    if code == 0:
        found = as_owner(Settings(), lambda ctx: carried_out(ctx, SHOW_PLAN, id=made["id"]))["syncPlan"]
        tell_plan(found, as_json=as_json)
    sys.exit(code)


@sync.command("plans")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([*PlanState], case_sensitive=False),
    help="Only plans in this state; may be repeated.",
)
@AS_JSON
def list_plans(*, states: tuple[str, ...], as_json: bool) -> None:
    """List the last hundred plans, the newest first, with how many objects each would copy, replace and remove."""
    wanted = {"state": {"in": [PlanState(one.upper()).name for one in states]}} if states else None
    found = as_owner(Settings(), lambda ctx: carried_out(ctx, LIST_PLANS, filter=wanted))["syncPlans"]["nodes"]
    if as_json:
        click.echo(orjson.dumps({"plans": found}))
    elif found:
        titles = ("id", "from", "to", "state", "asked for", "until", "add", "update", "remove", "conflicts")
        show(titles, [plan_line(one) for one in found])
    else:
        such = "such plans" if states else "plans"
        click.echo(f"There are no {such}. {command('sync plan SOURCE TARGET')} makes one.", err=True)


@sync.command("start")
@WHICH
@click.option("--override-delete-guard", "override", is_flag=True, help="Remove more than the plan's limits allow.")
@NO_WAIT
@AS_JSON
def start(which: str, *, override: bool, no_wait: bool, as_json: bool) -> None:
    """Carry a plan out."""

    async def begin(ctx: Context) -> Any:
        key = await by_name.sync_plan_id(ctx, which)
        return (await carried_out(ctx, START, id=key, override=override))["done"]

    made, code = carry_out(begin, wait=not no_wait, as_json=as_json)
    if no_wait and not as_json:
        following = command(f"job watch {short(made['job'])}")
        click.echo(f"Sync {short(made)} is under way; {following} follows it.")
    elif not no_wait:
        _tell_run(_found(made["id"]), as_json=as_json)
    sys.exit(code)


@sync.command("list")
@AS_JSON
def list_syncs(*, as_json: bool) -> None:
    """List the last hundred syncs, the newest first."""
    found = as_owner(Settings(), lambda ctx: carried_out(ctx, LIST))["syncRuns"]["nodes"]
    if as_json:
        click.echo(orjson.dumps({"syncs": found}))
    elif found:
        titles = ("id", "from", "to", "state", "started", "took", "copied", "bytes", "removed", "failed")
        show(titles, [_line(one) for one in found])
    else:
        click.echo(f"There are no syncs. {command('sync plan SOURCE TARGET')} is how one begins.", err=True)


@sync.command("show")
@WHICH
@AS_JSON
def show_sync(which: str, *, as_json: bool) -> None:
    """Show all that is known of a sync, with what could not be copied."""

    async def load(ctx: Context) -> Any:
        return (await carried_out(ctx, SHOW, id=await by_name.sync_run_id(ctx, which)))["syncRun"]

    _tell_run(as_owner(Settings(), load), as_json=as_json)


@sync.command("rollback")
@WHICH
@NO_WAIT
@AS_JSON
def roll_back(which: str, *, no_wait: bool, as_json: bool) -> None:
    """Bring back what a sync has replaced and removed, in a target that keeps versions."""

    async def begin(ctx: Context) -> Any:
        return await carried_out(ctx, ROLL_BACK, id=await by_name.sync_run_id(ctx, which))

    _, code = carry_out(begin, wait=not no_wait, as_json=as_json)
    sys.exit(code)


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    options = {
        "sourcePrefix": given["source_prefix"],
        "targetPrefix": given["target_prefix"],
        "include": list(given["include"]),
        "exclude": list(given["exclude"]),
        "compare": "CHECKSUM" if given["checksum"] else None,
        "onConflict": "SOURCE_WINS" if given["source_wins"] else None,
        "delete": given["delete"] or None,
        "verify": given["verify"] or None,
        "bytesPerSecond": given["bytes_per_second"],
    }
    return {name: value for name, value in options.items() if value}


def _tell_run(found: Shown, *, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps(found))
        return
    show(("", ""), [(Text(name, style="dim"), value) for name, value in _facts(found) if value])
    failures = found["failures"]
    if failures is not None and failures["nodes"]:
        errors = [(one["key"], f"{one['error']['code']}: {one['error']['message']}") for one in failures["nodes"]]
        show(("could not be dealt with", "why"), errors)


def _facts(found: Shown) -> list[tuple[str, str]]:
    stats, error = found["stats"] or {}, (found["job"] or {}).get("error")
    proof = stats.get("verification")
    return [
        ("id", found["id"]),
        ("from", (found["source"] or {}).get("name", "")),
        ("to", (found["target"] or {}).get("name", "")),
        ("state", found["status"].lower() + (f": {error['message']}" if error else "")),
        ("started", moment(found["startedAt"])),
        ("took", _took(found)),
        ("copied", f"{_copied(found)}, {_bytes(found)}" if stats else ""),
        ("removed", count(stats, "removed")),
        ("conflicts", count(stats, "conflicts")),
        ("left out", count(stats, "notDone")),
        ("verified", f"{int(proof['objects']):,} objects, {int(proof['differing']):,} differ" if proof else ""),
        ("undone", moment(found["rolledBackAt"], otherwise="can be" if found["canBeRolledBack"] else "")),
    ]


def _line(one: Shown) -> tuple[Cell, ...]:
    stats = one["stats"] or {}
    return (
        short(one),
        (one["source"] or {}).get("name", ""),
        (one["target"] or {}).get("name", ""),
        Text(one["status"].lower(), style=COLOURS[one["status"]]),
        moment(one["startedAt"]),
        _took(one),
        _copied(one),
        _bytes(one),
        count(stats, "removed"),
        count(stats, "failed"),
    )


def _copied(one: Shown) -> str:
    stats, progress = one["stats"], one["progress"]
    if stats:
        return f"{int(stats['added']) + int(stats['updated']):,}"
    return f"{int(progress['objects']):,} of {int(progress['objectsTotal']):,}" if progress else ""


def _bytes(one: Shown) -> str:
    told = one["stats"] or one["progress"]
    return decimal(int(told["bytes"])) if told else ""


def _took(one: Shown) -> str:
    return lasting(one["startedAt"], one["endedAt"]) if one["startedAt"] else ""


def _found(key: str) -> Shown:
    ask: Callable[[Context], Any] = lambda ctx: carried_out(ctx, SHOW, id=key)  # noqa: E731 -- it has a type so
    found: Shown = as_owner(Settings(), ask)["syncRun"]
    return found
