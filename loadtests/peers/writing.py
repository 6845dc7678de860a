"""The report of a comparison: Markdown with its plot beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from loadtests.peers.operations import TITLES
from loadtests.peers.plot import draw
from loadtests.peers.results import Results
from loadtests.peers.servers import EXECUTED
from loadtests.peers.tables import processor_rows, rate_rows, size_rows, spread_rows, wall_rows, written

BUSY: Final = 0.1
"""From so much of the machine on that others use, the report warns."""
FAIRNESS: Final = """All servers read the same rows of the same PostgreSQL, and answer the same values in the
same order; only the metrics of a run are compared by their names, for PostGraphile cannot sort by a column of another
table. Every server has one process, 12 connections to the database, and one connection of the client, which stays open
and sends the next request when the last one is answered. The first request of each turn is not counted.

What is not the same:

- Maestro checks a key, rights, its organisation's rows by row-level security, what lies in the trash, and the cost of
  the operation, and counts requests for its metrics. The others check nothing and read as a role that sees everything.
- In Q5 the schema of Maestro answers two columns; those of the others answer 10,000 objects with the same values.
- PostGraphile answers whole numbers of 64 bits as texts.
- The schema of Strawberry and Mercurius is what somebody would write by hand for these tables; that of PostGraphile is
  what it makes of them, with two references added that the database does not hold.

**Executed** means that Maestro's caches of answers are off. **Kept answers** means that the same answer is sent again
while nothing that it was made of has changed, which none of the others does: the two are never mixed."""


def report(results: Results, folder: Path) -> None:
    """Write results, plot and report into a folder."""
    results.write(folder / "results.json")
    draw(results, folder)
    (folder / "report.md").write_text("\n".join(_lines(results)) + "\n")


def _lines(results: Results) -> list[str]:
    facts = results.facts
    values = results.answered[next(iter(results.answered))]
    lines = [
        "# Beside other servers",
        "",
        _about(facts),
        "",
        _machine(results),
        "",
        "## Processor time of a request",
        "",
        f"Server and PostgreSQL together, in ms, the median of the rounds; in brackets to {results.titles[EXECUTED]}."
        if EXECUTED in results.costs
        else "Server and PostgreSQL together, in ms, the median of the rounds.",
        "",
        *written(processor_rows(results)),
        "",
        "![Processor time of a request by server and operation](plot.svg)",
        "",
        "The least and the most of the rounds, and PostgreSQL's part of the median:",
        "",
        *written(spread_rows(results)),
        "",
        "## Time on the clock",
        "",
        "The median in ms, one request at a time.",
        "",
        *written(wall_rows(results)),
        "",
    ]
    if results.rates:
        lines += ["Answers a second on eight connections, which share the cores with client and database:", ""]
        lines += [*written(rate_rows(results)), ""]
    lines += ["## Answers", "", "Bytes of each answer, not compressed.", "", *written(size_rows(results)), ""]
    lines += ["Values in each: " + ", ".join(f"{name} {values[name].values:,}" for name in TITLES) + ".", ""]
    lines += ["## How it is measured", "", FAIRNESS, "", "## Versions", ""]
    return [*lines, *(f"- {name} {version}" for name, version in facts["versions"].items())]


def _about(facts: Mapping[str, Any]) -> str:
    sizes = ", ".join(f"{facts[name]:,} {name}" for name in ("projects", "runs", "params", "series", "points"))
    return (
        f"{facts['at']}, {facts['cores']} cores, {facts['rounds']} rounds of {facts['seconds']:g} s for each operation "
        f"of each server, in turns. {sizes}. Command: `{facts['command']}`."
    )


def _machine(results: Results) -> str:
    told = f"Other programs used {results.others:.0%} of the machine meanwhile"
    if results.others < BUSY:
        return f"{told}."
    return f"{told}: **times are too bad, for all servers alike. Ratios hold better, and none of them exactly.**"
