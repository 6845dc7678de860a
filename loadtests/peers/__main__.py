"""`python -m loadtests.peers`: other servers beside this one, on the same data; `setup` installs those of Node."""

import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from loadtests.peers.comparing import Orders, carried_out
from loadtests.peers.results import Results
from loadtests.peers.servers import SERVERS, SETUP, install
from loadtests.peers.tables import processor_rows, rate_rows, shown, spread_rows
from loadtests.peers.writing import report

RUNS: Final = {"small": 1000, "full": 100_000}
REPORTS: Final = Path("reports/peers")
WIDTH: Final = 150


@click.group(invoke_without_command=True)
@click.option("--scale", type=click.Choice([*RUNS]), default="small", show_default=True, help="How much data there is.")
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True, help="How often servers take turns.")
@click.option("--seconds", default=0.5, show_default=True, help="Length of a server's turn with one operation.")
@click.option("--only", default="", help=f"Servers between commas, of {', '.join(SERVERS)}.")
@click.option("--throughput", is_flag=True, help="Count answers a second on eight connections as well.")
@click.option("--reports", type=click.Path(path_type=Path), default=REPORTS, show_default=True, help="Where to write.")
@click.pass_context
def main(context: click.Context, /, *, scale: str, only: str, reports: Path, **given: Any) -> None:
    """Measure what the same answers cost each server, print it, and write a report."""
    if context.invoked_subcommand is not None:
        return
    # So that whoever ends this ends the servers as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    names = _wanted(only)
    folder = reports / f"{scale}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    folder.mkdir(parents=True)
    command = f"python -m loadtests.peers --scale {scale} --rounds {given['rounds']} --seconds {given['seconds']:g}"
    orders = Orders(names=names, runs=RUNS[scale], command=command + (f" --only {only}" if only else ""), **given)
    results = carried_out(orders, folder, say=click.echo)
    report(results, folder)
    _show(results)
    click.echo(f"\n{folder / 'report.md'}")


@main.command()
def setup() -> None:
    """Install the servers of Node, as their lock file has them."""
    try:
        install()
    except (OSError, subprocess.CalledProcessError) as error:
        raise click.ClickException(f"npm could not install the servers of Node: {error}") from None


def _wanted(only: str) -> list[str]:
    """Return the servers that were asked for and can be run, and say which command installs the others."""
    wanted = [name for name in only.split(",") if name] or [*SERVERS]
    if unknown := [name for name in wanted if name not in SERVERS]:
        raise click.UsageError(f"There is no server {unknown[0]!r}; there are {', '.join(SERVERS)}.")
    missing = [name for name in wanted if not SERVERS[name].is_installed]
    if missing:
        click.echo(f"Left out: {', '.join(missing)}. This installs what they need: {SETUP}")
    if not (found := [name for name in wanted if name not in missing]):
        raise click.ClickException("None of these servers is installed.")
    return found


def _show(results: Results) -> None:
    console = Console(highlight=False, width=WIDTH)
    title = "Processor time of a request, server and PostgreSQL, in ms (to Maestro, executed)"
    for one in (
        shown(title, processor_rows(results), with_titles=True),
        shown("From the best round to the worst, and PostgreSQL's part", spread_rows(results)),
        *([shown("Answers a second on eight connections", rate_rows(results))] if results.rates else []),
    ):
        console.print()
        console.print(one)
    console.print(f"\nOther programs used {results.others:.0%} of the machine meanwhile.")


if __name__ == "__main__":
    main()
