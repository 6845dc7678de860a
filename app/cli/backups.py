"""`python -m app backup`: backups of the installation."""

import sys
from collections.abc import Mapping
from typing import Any, Final

import click
import orjson
from rich.filesize import decimal
from rich.text import Text

from app.acting import as_owner, carried_out
from app.cli.backup_stores import adopt, show_keys
from app.cli.carrying_out import carry_out
from app.cli.job_cards import COLOURS, SHORT
from app.cli.tables import Cell, lasting, moment, show
from maestro.invocation import command
from maestro.settings import Settings
from resolvers import by_name
from resolvers.context import Context

SHOWN: Final = """id label kind state sizeBytes location schemaRevision isEncrypted isProtected isVerified createdAt
    endedAt verifiedAt expiresAt removedAt checksum verification job { id state error { code message } }"""
LIST: Final = f"""query Backups($filter: BackupFilter) {{
    backups(first: 500, filter: $filter) {{ nodes {{ {SHOWN} }} }}
}}"""
SHOW: Final = f"query Backup($id: ID!) {{ backup(id: $id) {{ {SHOWN} manifest }} }}"
CREATE: Final = f"mutation CreateBackup($input: StartBackupInput) {{ done: startBackup(input: $input) {{ {SHOWN} }} }}"
JOB: Final = "{ id }"
BASE: Final = f"mutation BaseBackup {{ job: startMaintenance(kind: BASE_BACKUP) {JOB} }}"
VERIFY: Final = f"mutation VerifyBackup($id: ID!) {{ job: verifyBackup(id: $id) {JOB} }}"
REMOVE: Final = f"mutation RemoveBackup($id: ID!) {{ job: deleteBackup(id: $id) {JOB} }}"
PRUNE: Final = f"mutation PruneBackups($dryRun: Boolean!) {{ job: pruneBackups(dryRun: $dryRun) {JOB} }}"
PROTECT: Final = f"""mutation ProtectBackup($id: ID!, $input: UpdateBackupInput!) {{
    done: updateBackup(id: $id, input: $input) {{ {SHOWN} }}
}}"""
RESULT: Final = "query Result($id: ID!) { job(id: $id) { result } }"
AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
NO_WAIT: Final = click.option("--no-wait", is_flag=True, help="Only start it; `job watch` follows it.")
WHICH: Final = click.argument("which", metavar="ID")

Backup = Mapping[str, Any]


@click.group()
def backup() -> None:
    """Make backups, prove them, and remove those that no rule keeps.

    A backup is named by its id, by how that ends, or as `latest`, the newest one that is complete.
    """


@backup.command("create")
@click.option("--label", help="What to call it.")
@click.option("--encrypt/--plain", default=None, help="Whether to encrypt it; what the settings say unless given.")
@click.option("--protect", is_flag=True, help="Let no rule remove it.")
@NO_WAIT
@AS_JSON
def create(*, label: str | None, encrypt: bool | None, protect: bool, no_wait: bool, as_json: bool) -> None:
    """Make a backup of the database and the files, restore it beside the data, and compare."""
    given = {"label": label, "encrypt": encrypt, "isProtected": protect}
    given = {name: value for name, value in given.items() if value is not None}

    async def start(ctx: Context) -> Any:
        return (await carried_out(ctx, CREATE, input=given))["done"]

    made, code = carry_out(start, wait=not no_wait, as_json=as_json)
    if as_json:
        click.echo(orjson.dumps(_found(made["id"])))
    elif no_wait:
        click.echo(f"Backup {_short(made)} is being made; {_following(made)}")
    elif code == 0:
        found = _found(made["id"])
        click.echo(f"Backup {_short(found)}: {_size(found)} in {found['location']}, restored and compared.")
    sys.exit(code)


@backup.command("list")
@click.option("--all", "everything", is_flag=True, help="Show those too whose files are gone.")
@AS_JSON
def list_backups(*, everything: bool, as_json: bool) -> None:
    """List the backups, the newest first."""
    wanted = None if everything else {"isRemoved": {"eq": False}}

    async def load(ctx: Context) -> Any:
        return (await carried_out(ctx, LIST, filter=wanted))["backups"]["nodes"]

    backups = as_owner(Settings(), load)
    if as_json:
        click.echo(orjson.dumps({"backups": backups}))
    elif not backups:
        click.echo(f"There are no backups. {command('backup create')} makes one.", err=True)
    else:
        titles = ("id", "label", "kind", "state", "proved", "asked for", "took", "size", "kept until")
        show(titles, [_line(one) for one in backups])


@backup.command("show")
@WHICH
@AS_JSON
def show_backup(which: str, *, as_json: bool) -> None:
    """Show all that is known of a backup."""

    async def load(ctx: Context) -> Any:
        return (await carried_out(ctx, SHOW, id=await by_name.backup_id(ctx, which)))["backup"]

    found = as_owner(Settings(), load)
    if as_json:
        click.echo(orjson.dumps(found))
        return
    show(("", ""), [(Text(name, style="dim"), value) for name, value in _facts(found) if str(value)])


@backup.command("base")
@NO_WAIT
@AS_JSON
def base(*, no_wait: bool, as_json: bool) -> None:
    """Copy the database server's files, from which the kept changes lead to every later moment."""

    async def start(ctx: Context) -> Any:
        return await carried_out(ctx, BASE)

    _, code = carry_out(start, wait=not no_wait, as_json=as_json)
    sys.exit(code)


@backup.command("verify")
@WHICH
@NO_WAIT
@AS_JSON
def verify(which: str, *, no_wait: bool, as_json: bool) -> None:
    """Prove a backup once more: restore it beside the data, and compare."""

    async def start(ctx: Context) -> Any:
        return await carried_out(ctx, VERIFY, id=await by_name.backup_id(ctx, which))

    _, code = carry_out(start, wait=not no_wait, as_json=as_json)
    sys.exit(code)


@backup.command("remove")
@WHICH
@NO_WAIT
@AS_JSON
def remove(which: str, *, no_wait: bool, as_json: bool) -> None:
    """Remove the files of a backup; never of one that is protected, nor of the last one that was proved good."""

    async def start(ctx: Context) -> Any:
        return await carried_out(ctx, REMOVE, id=await by_name.backup_id(ctx, which))

    _, code = carry_out(start, wait=not no_wait, as_json=as_json)
    sys.exit(code)


@backup.command("prune")
@click.option("--dry-run", is_flag=True, help="Only tell what would go.")
@AS_JSON
def prune(*, dry_run: bool, as_json: bool) -> None:
    """Remove the backups that no rule keeps, and tell of each one why it stays or goes."""

    async def start(ctx: Context) -> Any:
        return await carried_out(ctx, PRUNE, dryRun=dry_run)

    begun, code = carry_out(start, wait=True, as_json=as_json)
    if code == 0:
        result = as_owner(Settings(), lambda ctx: carried_out(ctx, RESULT, id=begun["job"]["id"]))["job"]["result"]
        _tell_pruned(result, as_json=as_json)
    sys.exit(code)


@backup.command("protect")
@WHICH
@click.option("--off", is_flag=True, help="Let rules remove it again.")
def protect(which: str, *, off: bool) -> None:
    """Let no rule remove a backup."""

    async def change(ctx: Context) -> Any:
        key = await by_name.backup_id(ctx, which)
        return (await carried_out(ctx, PROTECT, id=key, input={"isProtected": not off}))["done"]

    done = as_owner(Settings(), change)
    click.echo(f"Backup {_short(done)} is {'not protected any more' if off else 'protected'}.")


def _found(key: str) -> Backup:
    found: Backup = as_owner(Settings(), lambda ctx: carried_out(ctx, SHOW, id=key))["backup"]
    return found


def _tell_pruned(result: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps(result))
        return
    show(
        ("id", "made", "", "why"),
        [
            (one["id"][-SHORT:], moment(one["createdAt"]), "stays" if one["isKept"] else "goes", one["why"])
            for one in result["backups"]
        ],
    )
    verb = "would be freed" if result["isDryRun"] else "were freed"
    click.echo(f"{decimal(result['freedBytes'])} {verb}.")


def _line(one: Backup) -> tuple[Cell, ...]:
    proved = moment(one["verifiedAt"], otherwise="no")
    kept = "for ever" if one["isProtected"] else moment(one["expiresAt"], otherwise="")
    return (
        _short(one),
        one["label"],
        one["kind"].lower(),
        Text("removed" if one["removedAt"] else one["state"].lower(), style=COLOURS[one["state"]]),
        Text(proved, style="red" if proved == "no" else "green"),
        moment(one["createdAt"]),
        lasting(one["createdAt"], one["endedAt"]) if one["endedAt"] else "",
        _size(one),
        kept,
    )


def _facts(one: Backup) -> list[tuple[str, str]]:
    manifest = one["manifest"] or {}
    tables = manifest.get("tables", {})
    rows = sum(table["rows"] for table in tables.values())
    error = (one["job"] or {}).get("error")
    return [
        ("id", one["id"]),
        ("label", one["label"]),
        ("state", one["state"].lower() + (f": {error['code']}: {error['message']}" if error else "")),
        ("proved", moment(one["verifiedAt"])),
        ("asked for", moment(one["createdAt"])),
        ("ended", moment(one["endedAt"], otherwise="")),
        ("size", _size(one)),
        ("place", one["location"] or ""),
        ("encrypted", "yes" if one["isEncrypted"] else "no"),
        ("kept", "for ever" if one["isProtected"] else moment(one["expiresAt"], otherwise="by the rules")),
        ("removed", moment(one["removedAt"], otherwise="")),
        ("schema", one["schemaRevision"] or ""),
        ("database", manifest.get("server_version", "") and f"PostgreSQL {manifest['server_version']}"),
        ("rows", f"{rows:,} in {len(tables):,} tables" if tables else ""),
        (
            "files",
            f"{manifest['blobs']['count']:,}, {decimal(manifest['blobs']['bytes'])}" if "blobs" in manifest else "",
        ),
        ("sha-256", one["checksum"] or ""),
    ]


def _short(one: Backup) -> str:
    return str(one["id"])[-SHORT:]


def _size(one: Backup) -> str:
    return "" if one["sizeBytes"] is None else decimal(int(one["sizeBytes"]))


def _following(one: Backup) -> str:
    return command(f"job watch {one['job']['id'][-SHORT:]}") + " follows it."


backup.add_command(adopt)
backup.add_command(show_keys)
