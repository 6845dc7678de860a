"""The command line: one module a group of commands."""

import logging
import sys
from typing import Any

import click
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from app.cli.audit import audit
from app.cli.check import check
from app.cli.complaints import complaint
from app.cli.database import migrate, psql
from app.cli.docs import docs
from app.cli.keys import key
from app.cli.members import link, member
from app.cli.persist import persist
from app.cli.schema import schema
from app.cli.secrets import secrets
from app.cli.seed import seed
from app.cli.serve import serve
from app.version import VERSION
from maestro.errors import MaestroError
from maestro.tracing import name_in_log_records

console = Console(stderr=True, highlight=False, soft_wrap=True)


class Commands(click.Group):
    """A group that explains the errors we know instead of showing where they were raised."""

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
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s:%(trace)s %(message)s")
    for chatty in ("alembic", "httpx", "uvicorn.error"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Clients' mistakes are told to the clients; what is unexpected is logged by app.answers, once.
    logging.getLogger("strawberry.execution").setLevel(logging.CRITICAL)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def version(*, as_json: bool) -> None:
    """Print the version."""
    click.echo(f'{{"version": "{VERSION}"}}' if as_json else f"Maestro ML {VERSION}")


for command in (serve, migrate, seed, schema, psql, check, key, member, link, docs, secrets, audit, persist):
    main.add_command(command)
