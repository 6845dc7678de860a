"""The command line: one module a group of commands."""

import sys
from importlib import import_module
from typing import Any, Final

import click
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from app.cli.complaints import complaint
from maestro import logs
from maestro.errors import MaestroError
from maestro.tracing import name_in_log_records
from maestro.version import VERSION

console = Console(stderr=True, highlight=False, soft_wrap=True)

COMMANDS: Final = {
    "archive": "archive",
    "audit": "audit",
    "backup": "backups",
    "bundle": "bundles",
    "check": "check",
    "database": "upkeep",
    "docs": "docs",
    "errands": "errands",
    "job": "jobs",
    "key": "keys",
    "link": "members",
    "member": "members",
    "migrate": "database",
    "persist": "persist",
    "profile": "profiles",
    "psql": "database",
    "restore": "restores",
    "schedule": "schedules",
    "schema": "schema",
    "secrets": "secrets",
    "seed": "seed",
    "serve": "serve",
    "sync": "syncs",
    "work": "work",
}
"""The module of each command, imported when it is called for: a worker need not carry the schema, nor a server the
library of the queue."""


class Commands(click.Group):
    """A group that explains the errors we know instead of showing where they were raised."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted([*super().list_commands(ctx), *COMMANDS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        found: click.Command = getattr(import_module(f"app.cli.{COMMANDS[cmd_name]}"), cmd_name)
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; exit with 1 when it cannot do its work."""
        try:
            return super().invoke(ctx)
        except MaestroError as error:
            console.print(f"[bold red]Error:[/] {escape(error.message)}")
            if error.hint:
                console.print(f"[dim]{escape(error.hint)}[/]")
        except ValidationError as error:
            console.print("[bold red]Error:[/] the settings are not valid.")
            for problem in error.errors():
                # Behind the name of a list stands the number of the member.
                name = str(problem["loc"][0]).upper()
                console.print(f"  MAESTRO_{name} {complaint(problem)}.", markup=False)
        sys.exit(1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Maestro ML: one GraphQL endpoint for projects, experiments, runs, models, artifacts and their stores.

    Settings are read from the environment (MAESTRO_…) and from .env.
    """
    name_in_log_records()
    logs.begin()


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def version(*, as_json: bool) -> None:
    """Print the version."""
    click.echo(f'{{"version": "{VERSION}"}}' if as_json else f"Maestro ML {VERSION}")
