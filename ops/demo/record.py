"""Trains everything and writes the recording anew: `python -m ops.demo.record` (a few minutes, two shared cores).

It needs the `demo` extra. Seeds are fixed and every library runs on one thread, so a second recording with the same
library versions differs only in its times. Commit the file that it writes; the tests of `ops.demo.recording` say
whether it still holds what the demo promises.
"""

from pathlib import Path

import click

# Nothing that loads numpy may come before: ops.demo.train sets how many threads it uses.
from ops.demo.train import cancer, diabetes, digits, forests, robustness, streaming, tuning, wine
from ops.demo.train.session import Session


@click.command()
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to write, if not over the demo's."
)
def record(output: Path | None) -> None:
    """Train the demo's models and write the recording of their runs."""
    session = Session()
    network = digits.record(session)
    forests.record(session, digits.PROJECT, network.data)
    streaming.record(session, digits.PROJECT, network.data)
    tuning.record(session, network)
    robustness.record(session, network)
    tabular = session.project(
        "tabular-classification", "Tabular classification", "Small tables, few rows, clear answers."
    )
    cancer.record(session, tabular)
    wine.record(session, tabular)
    diabetes.record(session)
    written = session.write(output)
    click.echo(f"{len(session.runs)} runs in {written.stat().st_size / 1e6:.2f} MB: {written}")


if __name__ == "__main__":
    record()
