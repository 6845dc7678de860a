"""`python -m app schema`: print the schema, or write it where it is committed."""

from pathlib import Path

import click

from schema import schema as graphql

COMMITTED = Path(__file__).parents[2] / "schema" / "schema.graphql"


@click.command()
@click.option("--write", is_flag=True, help=f"Write it to schema/{COMMITTED.name} instead of printing it.")
def schema(*, write: bool) -> None:
    """Print the GraphQL schema in its definition language."""
    text = graphql.as_str() + "\n"
    if write:
        COMMITTED.write_text(text)
        click.echo(f"Wrote schema/{COMMITTED.name}.")
    else:
        click.echo(text, nl=False)
