"""A report written into the folder of its run: `python -m loadtests.report.writing FOLDER` writes it anew."""

import gzip
import shutil
from pathlib import Path

import click
import orjson

from loadtests.analysis.reading import read
from loadtests.analysis.summary import summarised
from loadtests.analysis.verdict import Verdict, verdicts
from loadtests.report.markdown import markdown
from loadtests.report.page import page
from loadtests.report.plots import plots_of


def write_report(folder: Path) -> list[Verdict]:
    """Analyse the logs of a run, write `report.html`, `report.md` and `summary.json`, and return the verdicts.

    The log of requests is compressed. RuntimeError when it has no request.
    """
    run = read(folder)
    summary = summarised(run)
    (folder / "summary.json").write_bytes(orjson.dumps(summary, option=orjson.OPT_INDENT_2))
    (folder / "report.html").write_text(page(summary, plots_of(run)), encoding="utf-8")
    (folder / "report.md").write_text(markdown(summary), encoding="utf-8")
    if (log := folder / "requests.csv").exists():
        with log.open("rb") as plain, gzip.open(f"{log}.gz", "wb", compresslevel=6) as packed:
            shutil.copyfileobj(plain, packed)
        log.unlink()
    return verdicts(run.facts["scenario"], summary["measures"])


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(folder: Path) -> None:
    """Write the report of the run in FOLDER anew."""
    write_report(folder)


if __name__ == "__main__":
    main()
