"""`python -m loadtests.run [SCENARIO]`: set up a server, run a scenario against it, and write a report.

Exits with 1 when an objective is missed, and with 2 when there is nothing to judge. Without a scenario each is run in
its short form, one after the other.
"""

import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from loadtests.analysis.verdict import Verdict
from loadtests.carrying_out import Wanted, carried_out
from loadtests.report.writing import write_report
from loadtests.scenarios.catalogue import SCENARIOS
from loadtests.scenarios.phases import Options
from loadtests.sockets import NAME as SOCKETS

ALL: Final = "all"
REPORTS: Final = Path("reports/loadtests")
MISSED, BROKEN = 1, 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a scenario ended; without verdicts there was nothing to judge."""

    scenario: str
    folder: Path
    verdicts: Sequence[Verdict]

    @property
    def exit_code(self) -> int:
        """What a program that runs it alone ends with."""
        if not self.verdicts:
            return BROKEN
        return 0 if all(one.is_reached for one in self.verdicts) else MISSED

    @property
    def told(self) -> str:
        """How many objectives are reached, in words."""
        reached = sum(one.is_reached for one in self.verdicts)
        return f"{reached} of {len(self.verdicts)} reached" if self.verdicts else "nothing to judge"


@click.command()
@click.argument("scenario", type=click.Choice([*SCENARIOS, SOCKETS, ALL]), default=ALL)
@click.option("--short", is_flag=True, help="Run the short form; `all` always does.")
@click.option("--duration", type=float, help="Seconds of the scenario's long parts.")
@click.option("--rate", type=float, help="Requests a second to begin with.")
@click.option("--requests", type=int, help="Requests of the scenario of isolation.")
@click.option("--users", type=int, help="Users, each with a connection; sockets, for the scenario of that name.")
@click.option("--runs", default=1000, show_default=True, help="Runs to generate in each organisation.")
@click.option("--seed", default=1, show_default=True, help="What chance begins with.")
@click.option(
    "--host",
    help="A server that runs already, like http://127.0.0.1:8000; keys of owners or admins of different organisations "
    "are in LOADTEST_KEYS, between commas.",
)
@click.option("--reports", type=click.Path(path_type=Path), default=REPORTS, show_default=True, help="Where to write.")
def main(scenario: str, *, short: bool, host: str | None, reports: Path, **given: float | None) -> None:
    """Run SCENARIO, or each in its short form, print where the reports are, and judge by their objectives."""
    # So that whoever ends this ends the server as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    names = [*SCENARIOS, SOCKETS] if scenario == ALL else [scenario]
    outcomes = []
    for name in names:
        wanted = _wanted(name, is_short=short or scenario == ALL, host=host, given=given)
        outcomes.append(_run(wanted, reports))
    if scenario == ALL:
        click.echo("\n" + overview(outcomes))
    sys.exit(max(one.exit_code for one in outcomes))


def _wanted(name: str, *, is_short: bool, host: str | None, given: dict[str, float | None]) -> Wanted:
    keys = tuple(key for key in os.environ.get("LOADTEST_KEYS", "").split(",") if key)
    if host is not None and not keys:
        raise click.UsageError("With --host, LOADTEST_KEYS holds an API key of each organisation, between commas.")
    options = Options(rate=0, seconds=0, requests=0)
    if name in SCENARIOS:
        options = SCENARIOS[name].short if is_short else SCENARIOS[name].long
    options = replace(
        options,
        rate=options.rate if given["rate"] is None else given["rate"],
        seconds=options.seconds if given["duration"] is None else given["duration"],
        requests=options.requests if given["requests"] is None else int(given["requests"]),
    )
    return Wanted(
        scenario=name,
        options=options,
        is_short=is_short,
        users=None if given["users"] is None else int(given["users"]),
        runs=int(given["runs"] or 0),
        seed=int(given["seed"] or 0),
        host=host,
        keys=keys,
    )


def _run(wanted: Wanted, reports: Path) -> Outcome:
    folder = reports / f"{wanted.scenario}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    folder.mkdir(parents=True)
    began = time.monotonic()
    click.echo(f"{wanted.scenario}: {folder}")
    try:
        carried_out(wanted, folder)
        verdicts = write_report(folder)
    except RuntimeError as error:
        click.echo(f"{wanted.scenario}: {error}", err=True)
        return Outcome(wanted.scenario, folder, [])
    for one in verdicts:
        click.echo(f"  {one.mark} {one.objective.name}: {one.told} ({one.objective.goal})")
    click.echo(f"{wanted.scenario}: {time.monotonic() - began:,.0f} s, {folder / 'report.html'}")
    return Outcome(wanted.scenario, folder, verdicts)


def overview(outcomes: Sequence[Outcome]) -> str:
    """Return a line for each scenario: how many objectives it has reached, and its report."""
    rows = [("scenario", "objectives", "report")]
    rows += [(one.scenario, one.told, str(one.folder / "report.html")) for one in outcomes]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return "\n".join(f"{name:{widths[0]}}  {told:{widths[1]}}  {report}" for name, told, report in rows)


if __name__ == "__main__":
    main()
