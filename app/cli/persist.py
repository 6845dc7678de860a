"""`python -m app persist`: documents that clients name by an id."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
import orjson
from graphql import GraphQLError, assert_valid_schema, build_schema
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.acting import as_owner, carried_out
from execution.operations import OperationCache
from execution.stored import checked
from maestro.errors import InvalidInput
from maestro.settings import Settings
from resolvers import by_name
from resolvers.context import Context
from schema import operations
from schema.complexity import refusal_of

REGISTER: Final = """mutation RegisterDocuments($input: RegisterDocumentsInput!) {
    done: registerDocuments(input: $input) { documents { documentId sha256 name kind isNew document { id } } }
}"""
SHOWN: Final = """id sha256 name kind retiredAt clients { name version documentId }
    usage { calls errors lastUsedAt p95Ms averageCost maxCost }"""
LIST: Final = """query Documents($after: String, $filter: String) {
    persistedDocuments(first: 500, after: $after, filterText: $filter) {
        nodes { %s } pageInfo { hasNextPage endCursor }
    }
}"""
RETIRE: Final = f"mutation RetireDocument($id: ID!) {{ done: retireDocument(id: $id) {{ {SHOWN} }} }}"
RESTORE: Final = f"mutation RestoreDocument($id: ID!) {{ done: restoreDocument(id: $id) {{ {SHOWN} }} }}"
LIVE: Final = "isRetired = false"
SHORT: Final = 12
"""So many characters of a hash tell documents apart, for people."""
PIPED: Final = 240
"""Characters a line where nothing says how wide a line is."""
AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

Document = Mapping[str, Any]


class DefaultsToAdd(click.Group):
    """A group in which what is no command is the manifest to register."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command."""
        return super().resolve_command(ctx, args if args[0] in self.commands else ["add", *args])


# So that the options of `add` may stand before the manifest.
@click.group(cls=DefaultsToAdd, context_settings={"ignore_unknown_options": True})
def persist() -> None:
    """Register the documents of a client: persist MANIFEST --client NAME@VERSION. The commands below do the rest."""


@persist.command("add")
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--client", required=True, metavar="NAME@VERSION", help="Whose documents they are, like dashboard@1.2.")
@click.option("--dry-run", is_flag=True, help="Only tell what would happen.")
@AS_JSON
def add_documents(manifest: Path, *, client: str, dry_run: bool, as_json: bool) -> None:
    """Register a manifest of GraphQL Code Generator, Apollo's generator or relay-compiler: all of it, or nothing."""
    name, _, version = client.rpartition("@")
    if not name or not version:
        raise click.BadParameter("it looks like dashboard@1.2", param_hint="--client")
    given = {"client": {"name": name, "version": version}, "manifest": _read(manifest), "dryRun": dry_run}

    async def register(ctx: Context) -> Any:
        return (await carried_out(ctx, REGISTER, input=given))["done"]["documents"]

    try:
        done = as_owner(Settings(), register)
    except InvalidInput as error:
        if "documents" in error.details:
            _tell([], error.details["documents"], as_json=as_json)
        raise
    _tell(done, [], as_json=as_json)


@persist.command("list")
@click.option("--all", "everything", is_flag=True, help="Show those too that were retired.")
@click.option("--client", metavar="NAME[@VERSION]", help="Show those alone that this client has registered.")
@AS_JSON
def list_documents(*, everything: bool, client: str | None, as_json: bool) -> None:
    """List the registered documents with their use, the newest first."""
    documents = as_owner(Settings(), lambda ctx: _loaded(ctx, SHOWN, None if everything else LIVE))
    documents = [one for one in documents if client is None or client in _names(one)]
    if as_json:
        click.echo(orjson.dumps({"documents": documents}))
        return
    _print(
        ("operation", "kind", "sha256", "clients", "calls", "errors", "p95 ms", "cost", "last used", "retired"),
        [_line(one) for one in documents],
    )


@persist.command("retire")
@click.argument("which", metavar="ID-OR-HASH")
@AS_JSON
def retire_document(which: str, *, as_json: bool) -> None:
    """Let a document run no more, at once; named by its id, its hash or the id that requests send."""
    _switch(RETIRE, which, "is retired", as_json=as_json)


@persist.command("restore")
@click.argument("which", metavar="ID-OR-HASH")
@AS_JSON
def restore_document(which: str, *, as_json: bool) -> None:
    """Let a retired document run again."""
    _switch(RESTORE, which, "runs again", as_json=as_json)


@persist.command("check")
@click.option(
    "--schema",
    "definition",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A definition to compare with in the place of this version's schema.",
)
@AS_JSON
def check_documents(*, definition: Path | None, as_json: bool) -> None:
    """Compare each registered document with the schema; exit with 1 when one does not fit any more."""
    wanted = operations if definition is None else _built(definition)
    documents = as_owner(Settings(), lambda ctx: _loaded(ctx, f"{SHOWN} text", LIVE))
    found = [(one, checked(wanted, one["text"]).problems) for one in documents]
    broken = [(one, problems) for one, problems in found if problems]
    if as_json:
        told = [{**{name: one[name] for name in one if name != "text"}, "problems": why} for one, why in broken]
        click.echo(orjson.dumps({"checked": len(documents), "broken": told}))
    else:
        for one, problems in broken:
            used = one["usage"]["lastUsedAt"]
            click.echo(f"{one['name'] or one['sha256'][:SHORT]}: {', '.join(_names(one)[::2])}, last used {_day(used)}")
            for problem in problems:
                click.echo(f"  {problem}")
        noun = "document" if len(documents) == 1 else "documents"
        click.echo(f"{len(documents):,} {noun} checked, {len(broken):,} broken.", err=True)
    sys.exit(1 if broken else 0)


def _read(manifest: Path) -> Any:
    try:
        return orjson.loads(manifest.read_bytes())
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"{manifest} is no JSON: {error}.", hint="Pass what a generator has written.") from None


def _built(definition: Path) -> OperationCache:
    found = OperationCache(refusal_of)
    try:
        built = build_schema(definition.read_text(encoding="utf-8"))
        assert_valid_schema(built)
    except (GraphQLError, TypeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{definition} is no schema: {error}") from None
    found.serve(built)
    return found


async def _loaded(ctx: Context, selected: str, wanted: str | None) -> list[Document]:
    found: list[Document] = []
    after = None
    while True:
        page = (await carried_out(ctx, LIST % selected, after=after, filter=wanted))["persistedDocuments"]
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


def _switch(mutation: str, which: str, told: str, *, as_json: bool) -> None:
    async def switch(ctx: Context) -> Any:
        return (await carried_out(ctx, mutation, id=await by_name.document_id(ctx, which)))["done"]

    done = as_owner(Settings(), switch)
    click.echo(orjson.dumps(done) if as_json else f"{done['name'] or 'The document'} {told}.")


def _tell(done: Sequence[Document], refused: Sequence[Document], *, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps({"documents": done, "refused": refused}))
        return
    lines = [("added" if one["isNew"] else "known", one["name"] or "", one["kind"], one["documentId"]) for one in done]
    for one in refused:
        lines += [("refused", one["name"] or "", problem, one["id"]) for problem in one["problems"]]
    _print(("", "operation", "", "id"), lines)


def _line(one: Document) -> tuple[str, ...]:
    usage = one["usage"]
    p95 = "" if usage["p95Ms"] is None else f"{usage['p95Ms']:.1f}"
    cost = "" if usage["averageCost"] is None else f"{usage['averageCost']:.0f}, at most {usage['maxCost']}"
    named = (one["name"] or "", one["kind"], one["sha256"][:SHORT], ", ".join(_names(one)[::2]))
    numbers = (str(usage["calls"]), str(usage["errors"]), p95, cost)
    retired = "" if one["retiredAt"] is None else one["retiredAt"][:10]
    return (*named, *numbers, _day(usage["lastUsedAt"]), retired)


def _names(one: Document) -> list[str]:
    """Return each client with and without its version."""
    versions = dict.fromkeys((client["name"], client["version"]) for client in one["clients"])
    return [text for name, version in versions for text in (f"{name}@{version}", name)]


def _day(moment: str | None) -> str:
    return "never" if moment is None else moment[:10]


def _print(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    for line in lines:
        table.add_row(*map(escape, line))
    console = Console(highlight=False)
    # A pipe has no width, and the rows of a table that is read by programs are lines.
    console.width = console.width if console.is_terminal else PIPED
    console.print(table)
