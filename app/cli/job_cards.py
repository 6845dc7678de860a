"""How jobs look on a terminal: a word for the state, how far they have come, what happened, and the whole as a card."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from rich.console import Group
from rich.filesize import decimal
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from app.cli.tables import lasting, moment

FIELDS: Final = """id kind state priority attempt crashes worker createdAt runAfter startedAt endedAt scheduledFor
    idempotencyKey input result createdBy { name } cancelledBy { name } schedule { name }
    progress { phase completed total unit } error { code message retryable }"""
EVENTS: Final = "at level message details"
SHORT: Final = 8
"""So many characters at the end of an id tell jobs apart, for people."""
LIVE: Final = frozenset({"QUEUED", "RUNNING", "CANCELLING"})
COLOURS: Final = {
    "QUEUED": "blue",
    "RUNNING": "cyan",
    "CANCELLING": "yellow",
    "CANCELLED": "yellow",
    "SUCCEEDED": "green",
    "PARTIAL": "yellow",
    "FAILED": "red",
}
LEVELS: Final = {"DEBUG": "dim", "INFO": "", "WARNING": "yellow", "ERROR": "red"}

Job = Mapping[str, Any]


def short(job: Job) -> str:
    """Return the end of a job's id, by which commands know it."""
    return str(job["id"])[-SHORT:]


def title(job: Job) -> str:
    """Return what a job does, in words."""
    return str(job["kind"]).replace("_", " ").capitalize()


def state(job: Job) -> Text:
    """Return the state in its colour."""
    return Text(job["state"].lower(), style=COLOURS[job["state"]])


def counted(progress: Mapping[str, Any]) -> str:
    """Return how much is done, like `1.2 GB of 4.0 GB` or `12 of 40 tables`."""
    done, total, unit = progress["completed"], progress["total"], progress["unit"]
    if done is None:
        return ""
    # A number beyond 2^53 comes as a text.
    numbers = [int(number) for number in (done, total) if number is not None]
    if unit == "bytes":
        return " of ".join(map(decimal, numbers))
    return " ".join([" of ".join(f"{number:,}" for number in numbers), *([unit] if unit else [])])


def share(progress: Mapping[str, Any]) -> float | None:
    """Return the part that is done; None while nobody knows how much there is to do."""
    if progress["completed"] is None or not progress["total"]:
        return None
    return min(int(progress["completed"]) / int(progress["total"]), 1.0)


def where(job: Job) -> str:
    """Return how far a job has come, in a few words."""
    if job["state"] == "QUEUED":
        return "waits for a worker"
    if job["error"] is not None:
        return f"{job['error']['code']}: {job['error']['message']}"
    if job["state"] not in LIVE:
        return ""
    progress, part = job["progress"], share(job["progress"])
    told = [progress["phase"] or "", counted(progress), "" if part is None else f"{part:.0%}"]
    return ", ".join(filter(None, told))


def event_line(event: Mapping[str, Any]) -> Text:
    """Return an event as a line: when, how serious unless it is not, what, and its details."""
    style = LEVELS.get(event["level"], "")
    line = Text()
    line.append(f"{datetime.fromisoformat(event['at']):%H:%M:%S}  ", style="dim")
    if event["level"] in ("WARNING", "ERROR"):
        line.append(f"{event['level'].lower()}: ", style=f"bold {style}")
    line.append(event["message"], style=style)
    if event["details"]:
        line.append(f"  {_plain(event['details'])}", style="dim")
    return line


def card(job: Job, events: list[Mapping[str, Any]]) -> Panel:
    """Return all that is known of a job; `events` come in the order in which they happened."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, fact in _facts(job):
        facts.add_row(name, fact if isinstance(fact, Text) else Text(fact))
    parts: list[Any] = [facts]
    if events:
        parts.append(Padding(Group(*map(event_line, events)), (1, 0, 0, 0)))
    heading = Text.assemble((title(job), "bold"), "  ", state(job))
    return Panel(
        Group(*parts),
        title=heading,
        title_align="left",
        border_style=COLOURS[job["state"]],
        padding=(1, 2),
        expand=False,
    )


def _facts(job: Job) -> Iterator[tuple[str, Text | str]]:
    """Yield what is to be told of a job with its name, what is empty left out."""
    told: dict[str, Text | str] = {
        "id": job["id"],
        "error" if job["error"] else "now": Text(where(job), style="red" if job["error"] else ""),
        "asked for": _asked(job),
        "not before": moment(job["runAfter"], otherwise="") if job["state"] == "QUEUED" else "",
        "begun": _begun(job),
        "ended": _ended(job),
        "attempt": _attempt(job),
        "priority": f"{job['priority']:,}" if job["priority"] else "",
        "cancelled": f"by {job['cancelledBy']['name']}" if job["cancelledBy"] else "",
        "input": _given(job["input"] or {}),
        "result": _given(job["result"] or {}),
    }
    return ((name, fact) for name, fact in told.items() if str(fact))


def _asked(job: Job) -> str:
    by = f" by {job['createdBy']['name']}" if job["createdBy"] else ""
    if job["schedule"] is not None:
        by = f" by the schedule {job['schedule']['name']}, for {moment(job['scheduledFor'])}"
    return f"{moment(job['createdAt'])}{by}"


def _begun(job: Job) -> str:
    return moment(job["startedAt"], otherwise="") + (f" on {job['worker']}" if job["worker"] else "")


def _ended(job: Job) -> str:
    took = lasting(job["startedAt"], job["endedAt"])
    return "" if job["endedAt"] is None else moment(job["endedAt"]) + (f", after {took}" if took else "")


def _attempt(job: Job) -> str:
    died = {0: "", 1: ", in which 1 worker died"}.get(job["crashes"], f", in which {job['crashes']:,} workers died")
    return f"{job['attempt']}{died}" if job["attempt"] > 1 or died else ""


def _given(values: Mapping[str, Any]) -> str:
    """Return what is not usual of some values, one a line."""
    return "\n".join(f"{name}: {_plain(value)}" for name, value in values.items() if value not in (None, "", False))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
