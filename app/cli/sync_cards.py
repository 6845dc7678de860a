"""How plans of syncs look: what they would do, and a line of a list."""

from collections.abc import Mapping
from typing import Any, Final

import click
import orjson
from rich.filesize import decimal
from rich.text import Text

from app.cli.job_cards import SHORT
from app.cli.tables import Cell, moment, show
from maestro.db.tables.enums import PlanState
from maestro.invocation import command

PLAN_COLOURS: Final = {
    PlanState.PLANNING: "cyan",
    PlanState.READY: "green",
    PlanState.FAILED: "red",
    PlanState.STARTED: "blue",
    PlanState.EXPIRED: "dim",
}
ACTIONS: Final = {
    "add": "are copied",
    "update": "are replaced",
    "remove": "are removed",
    "conflict": "stay, changed later in the target",
    "unchanged": "are the same",
    "leftOut": "cannot be held by the target",
}

Shown = Mapping[str, Any]


def tell_plan(found: Shown, *, as_json: bool) -> None:
    """Print what a plan would do."""
    if as_json:
        click.echo(orjson.dumps(found))
        return
    shares = [(name, told, found["summary"][name]) for name, told in ACTIONS.items()]
    show(
        ("objects", "bytes", "", "such as"),
        [
            (f"{int(share['count']):,}", decimal(int(share["bytes"])), told, ", ".join(share["samples"][:3]))
            for _, told, share in shares
            if int(share["count"])
        ],
    )
    if found["refusal"]:
        click.echo(f"{found['refusal']} Only --override-delete-guard starts it all the same.")
    until = moment(found["expiresAt"])
    click.echo(f"{command(f'sync start {short(found)}')} carries it out, until {until} UTC.")


def plan_line(one: Shown) -> tuple[Cell, ...]:
    """Return a plan as a line of a list."""
    shares = one["summary"] or {}
    counts = [count(shares.get(name) or {}, "count") for name in ("add", "update", "remove", "conflict")]
    until = moment(one["expiresAt"], otherwise="") if one["state"] == PlanState.READY else ""
    return (
        short(one),
        (one["source"] or {}).get("name", ""),
        (one["target"] or {}).get("name", ""),
        Text(one["state"].lower(), style=PLAN_COLOURS[one["state"]]),
        moment(one["createdAt"]),
        until,
        *counts,
    )


def count(stats: Mapping[str, Any], name: str) -> str:
    """Return a count among others; nothing for none."""
    return f"{int(stats[name]):,}" if int(stats.get(name) or 0) else ""


def short(one: Shown) -> str:
    """Return the end of an id, by which commands know plans and syncs."""
    return str(one["id"])[-SHORT:]
