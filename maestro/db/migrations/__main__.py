"""Drafting a revision: what has to be done to a database of the newest one for it to have the tables of the code."""

import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import click
from alembic import command
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

from maestro.db import migrate
from maestro.postgres import EmbeddedPostgres


@click.command()
@click.argument("title", required=False)
@click.option("--again", is_flag=True, help="Replace the newest revision, which no database of others must have yet.")
def main(title: str | None, *, again: bool) -> None:
    """Write a revision named TITLE from the tables, to be read and corrected.

    Alembic sees a renamed column as one dropped and one added, and moves no data.
    """
    scripts = ScriptDirectory.from_config(migrate.configuration())
    if again and (head := scripts.get_current_head()):
        newest = scripts.get_revision(head)
        Path(newest.path).unlink()
        path = draft(title or newest.doc.removesuffix("."), newest.revision)
    elif title:
        path = draft(title, _next_id(script.revision for script in scripts.walk_revisions()))
    else:
        raise click.UsageError("Give the revision a title.")
    click.echo(path or "Nothing to write: the migrations lead to the tables of the code.")


def draft(title: str, revision_id: str) -> Path | None:
    """Write what is missing in a new database with every revision, and return the file; None when nothing is."""
    with tempfile.TemporaryDirectory(prefix="maestro-") as folder:
        # Under root PostgreSQL runs as another account, which has to come through here.
        Path(folder).chmod(0o711)
        with EmbeddedPostgres(Path(folder)) as address:
            migrate.upgrade(address.url())
            script = migrate.run_on(
                address.url(),
                lambda connection: command.revision(
                    migrate.configuration(connection),
                    title,
                    autogenerate=True,
                    rev_id=revision_id,
                    process_revision_directives=_write_nothing_empty,
                ),
            )
    if not isinstance(script, Script):
        return None
    path = Path(script.path)
    path.write_text("".join(line for line in path.open() if "# ###" not in line))  # Alembic's own remarks
    for arguments in (["check", "--fix", "--exit-zero"], ["format"]):
        subprocess.run([sys.executable, "-m", "ruff", *arguments, "--quiet", path], check=True)
    return path


def _write_nothing_empty(_context: MigrationContext, _revision: object, directives: list[MigrationScript]) -> None:
    if directives[0].upgrade_ops_list[0].is_empty():
        directives.clear()


def _next_id(used: Iterable[str]) -> str:
    """The date and a number within it, such as `2026_11_23_01`."""
    today = f"{datetime.now(UTC):%Y_%m_%d}"
    return f"{today}_{sum(name.startswith(today) for name in used) + 1:02}"


if __name__ == "__main__":
    main()
