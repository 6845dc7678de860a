"""`python -m app profile`: what the processes of the installation do, hold, answer, and ask the database."""

import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

import click
import orjson
from rich.filesize import decimal

from app.acting import as_owner, carried_out
from app.cli.carrying_out import carry_out
from app.cli.job_cards import SHORT
from app.cli.tables import lasting, moment, show
from app.profiling import profiled
from maestro.ids import Kind, uuid_of
from maestro.invocation import command
from maestro.profiles import LONGEST_S, SHORTEST_S, ProcessRole
from maestro.settings import Settings
from resolvers import by_name
from resolvers.context import Context
from resolvers.profiles import contents

START: Final = """mutation StartProfile($input: StartProfileInput!) {
    done: startProfile(input: $input) { id job { id } }
}"""
SHOWN: Final = "id kind state seconds process createdAt endedAt files { name sizeBytes } job { id error { message } }"
LIST: Final = f"query Profiles {{ profiles(first: 100) {{ nodes {{ {SHOWN} }} }} }}"
SHOW: Final = f"query Profile($id: ID!) {{ profile(id: $id) {{ {SHOWN} summary }} }}"
PROCESSES: Final = "query Processes { processes { name role isBusy } }"
SECONDS: Final = click.option(
    "--seconds", type=click.FloatRange(SHORTEST_S, LONGEST_S), default=10.0, show_default=True, help="For how long."
)
PROCESS: Final = click.option("--process", metavar="NAME", help="Of this process; `profile processes` lists them.")
WORKER: Final = click.option("--worker", is_flag=True, help="Of a worker instead of a server.")
OUTPUT: Final = click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder for the files; one named after the profile, in this one, unless given.",
)
NO_WAIT: Final = click.option("--no-wait", is_flag=True, help="Only start it; `profile save` fetches the files.")
AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
WHICH: Final = click.argument("which", metavar="ID")

Profile = Mapping[str, Any]
Decorator = Callable[[Callable[..., None]], Callable[..., None]]


@click.group()
def profile() -> None:
    """Profile a running server or worker, and take flame graphs, tables and plans away.

    A profile is named by its id, or by how that ends.
    """


def _options(*options: Decorator) -> Decorator:
    def added(function: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            function = option(function)
        return function

    return added


LOOKING: Final = _options(SECONDS, PROCESS, OUTPUT, NO_WAIT, AS_JSON)


@profile.command("cpu")
@click.option("--each-call", is_flag=True, help="Count each call, as cProfile does, instead of taking samples.")
@WORKER
@LOOKING
def cpu(*, each_call: bool, worker: bool, seconds: float, process: str | None, **after: Any) -> None:
    """Look at what the thread of an event loop spends its time on."""
    given = {"seconds": seconds, "mode": "EACH_CALL" if each_call else "SAMPLED"}
    _carry_out({"cpu": given | _whom(process, worker=worker)}, **after)


@profile.command("memory")
@WORKER
@LOOKING
def memory(*, worker: bool, seconds: float, process: str | None, **after: Any) -> None:
    """Look at what a process allocates and keeps."""
    _carry_out({"memory": {"seconds": seconds} | _whom(process, worker=worker)}, **after)


@profile.command("operations")
@LOOKING
def operations(*, seconds: float, process: str | None, **after: Any) -> None:
    """Look at the operations that a server answers: how often, how fast, at what cost."""
    _carry_out({"operations": {"seconds": seconds} | _whom(process)}, **after)


@profile.command("statements")
@click.argument("document", type=click.File())
@click.option("--variables", default="{}", help="The variables, a JSON object.")
@click.option("--operation", help="The operation that is meant, of several in the document.")
@OUTPUT
@AS_JSON
def statements(document: IO[str], *, variables: str, operation: str | None, output: Path | None, as_json: bool) -> None:
    """Run the query in the file DOCUMENT, and look at its statements and their plans; - reads the standard input."""
    try:
        given = orjson.loads(variables)
    except orjson.JSONDecodeError:
        raise click.BadParameter("This is no JSON.", param_hint="--variables") from None
    asked = {"document": document.read(), "variables": given, "operationName": operation}
    _carry_out({"statements": asked}, output=output, no_wait=False, as_json=as_json, beside=_answering)


@profile.command("list")
@AS_JSON
def list_profiles(*, as_json: bool) -> None:
    """List the last hundred profiles, the newest first."""
    found = as_owner(Settings(), lambda ctx: carried_out(ctx, LIST))["profiles"]["nodes"]
    if as_json:
        click.echo(orjson.dumps({"profiles": found}))
    elif found:
        titles = ("id", "of", "process", "state", "asked for", "took", "files")
        show(titles, [_line(one) for one in found])
    else:
        click.echo(f"There are no profiles. {command('profile cpu')} makes one.", err=True)


@profile.command("save")
@WHICH
@OUTPUT
@AS_JSON
def save_profile(which: str, *, output: Path | None, as_json: bool) -> None:
    """Write the files of a profile into a folder."""

    async def load(ctx: Context) -> str:
        return await by_name.profile_id(ctx, which)

    _save(as_owner(Settings(), load), output, as_json=as_json)


@profile.command("processes")
@AS_JSON
def list_processes(*, as_json: bool) -> None:
    """List the processes that can be profiled."""
    found = as_owner(Settings(), lambda ctx: carried_out(ctx, PROCESSES))["processes"]
    if as_json:
        click.echo(orjson.dumps({"processes": found}))
    elif found:
        lines = [(one["name"], one["role"].lower(), "is being profiled" if one["isBusy"] else "") for one in found]
        show(("name", "role", ""), lines)
    else:
        click.echo("No server and no worker is running.", err=True)


def _carry_out(
    asked: Mapping[str, Any],
    *,
    output: Path | None,
    no_wait: bool,
    as_json: bool,
    beside: Callable[[Context], AbstractAsyncContextManager[None]] | None = None,
) -> None:
    async def start(ctx: Context) -> Any:
        return (await carried_out(ctx, START, input=asked))["done"]

    follow = carry_out if beside is None else partial(carry_out, beside=beside)
    made, code = follow(start, wait=not no_wait, as_json=as_json)
    if code == 0 and not no_wait:
        _save(made["id"], output, as_json=as_json)
    elif no_wait:
        saving = command(f"profile save {made['id'][-SHORT:]}")
        click.echo(orjson.dumps(made) if as_json else f"The profile is being made; {saving} fetches its files.")
    sys.exit(code)


def _answering(ctx: Context) -> AbstractAsyncContextManager[None]:
    """Let this very process be asked: it alone knows the operation."""
    return profiled(ctx.runtime, ProcessRole.COMMAND)


def _whom(process: str | None, *, worker: bool = False) -> dict[str, Any]:
    return {"process": process} if process else {"role": ProcessRole.WORKER.value} if worker else {}


def _save(profile_id: str, output: Path | None, *, as_json: bool) -> None:
    key = uuid_of(Kind.Profile, profile_id)

    async def load(ctx: Context) -> Any:
        shown = (await carried_out(ctx, SHOW, id=profile_id))["profile"]
        return shown, await contents(ctx, key)

    shown, files = as_owner(Settings(), load)
    folder = output or Path(f"profile-{profile_id[-SHORT:]}")
    folder.mkdir(parents=True, exist_ok=True)
    for one in files:
        (folder / one.name).write_bytes(one.content)
    if as_json:
        click.echo(orjson.dumps({**shown, "folder": str(folder)}))
        return
    show(("file", "size"), [(str(folder / one.name), decimal(len(one.content))) for one in files])


def _line(one: Profile) -> tuple[str, ...]:
    took = lasting(one["createdAt"], one["endedAt"]) if one["endedAt"] else ""
    names = ", ".join(file["name"] for file in one["files"])
    state = one["state"].lower()
    return one["id"][-SHORT:], one["kind"].lower(), one["process"] or "", state, moment(one["createdAt"]), took, names
