"""`python -m app secrets`: the master keys that stored credentials are encrypted under."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Final, TypeVar

import click
import orjson
from pydantic.alias_generators import to_camel

from app.database import database
from app.server import opened
from maestro.db.migrate import require_current
from maestro.master_keys import SETTING, add_to_file, written
from maestro.runtime import Runtime
from maestro.settings import Settings
from maestro.vault import new_master_key
from ops import sealed_rows

T = TypeVar("T")

MISSING: Final = "missing: bring it back, or set these credentials again"


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """A master key: its place in the list from 1 on (None when it is not there), and what needs it.

    `secrets` are wrapped by it; `backups` are signed, and perhaps encrypted, under it.
    """

    id: str
    place: int | None
    secrets: int
    backups: int

    @property
    def may_be_dropped(self) -> bool:
        """Whether nothing in the database, and no backup, needs the key any more."""
        return self.place not in (None, 1) and self.secrets == 0 and self.backups == 0

    @property
    def state(self) -> str:
        """What to do with the key, in words."""
        if self.place is None:
            return MISSING
        if self.place == 1:
            return "current"
        if self.secrets:
            return "in use: run `python -m app secrets rotate`"
        return "may be dropped" if self.may_be_dropped else f"needed for {_backups(self.backups)}: keep it as long"


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation has done; `setting` is the key that somebody has to put into the settings first."""

    current: str
    is_new: bool = False
    rewrapped: int = 0
    damaged: int = 0
    setting: str | None = None


@click.group()
def secrets() -> None:
    """Look after the encryption of stored credentials."""


@secrets.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(*, as_json: bool) -> None:
    """Tell how many credentials need which master key, and which may be dropped; exit with 1 if one is missing."""
    keys = _run(Settings(), _statuses)
    if as_json:
        shown = [{**asdict(key), "isCurrent": key.place == 1, "mayBeDropped": key.may_be_dropped} for key in keys]
        click.echo(orjson.dumps({"keys": shown}))
    else:
        for key in keys:
            place = "-" if key.place is None else key.place
            click.echo(f"{place:>3}  {key.id}  {_credentials(key.secrets):>20}  {key.state}")
    sys.exit(1 if any(key.place is None for key in keys) else 0)


@secrets.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rotate(*, as_json: bool) -> None:
    """Make a new master key and put every credential under it; a rotation that was cut off is finished instead.

    With MAESTRO_MASTER_KEY set, say what to put there; started again with that, put the credentials under the new key.
    """
    settings = Settings()
    done = _run(settings, lambda runtime: _rotate(settings, runtime))
    if as_json:
        click.echo(orjson.dumps({to_camel(name): content for name, content in asdict(done).items()}))
        return
    if done.setting is not None:
        click.echo(done.setting)
        click.echo(
            f"Put this key in front of what {SETTING} holds, with a comma between, on every server; restart them, then "
            "run this command again. Keep it: it is not shown again.",
            err=True,
        )
        return
    what = "A new master key" if done.is_new else "An earlier rotation is finished: its key"
    click.echo(f"{what}, {done.current}, is the current one; {_credentials(done.rewrapped)} put under it.")
    if done.damaged:
        click.echo(f"{_credentials(done.damaged)} damaged; the log names what they belong to.", err=True)
    click.echo("`python -m app secrets status` says which keys may be dropped.", err=True)


def _credentials(count: int) -> str:
    return "1 credential" if count == 1 else f"{count:,} credentials"


def _backups(count: int) -> str:
    return "1 backup" if count == 1 else f"{count:,} backups"


async def _statuses(runtime: Runtime) -> list[KeyStatus]:
    """List the keys that are there in their order, then those that are missing."""
    secrets, backups = await sealed_rows.counts(runtime.db), await sealed_rows.backup_counts(runtime.db)
    known = runtime.vault.keys.ids
    missing = [key for key in dict.fromkeys([*secrets, *backups]) if key not in known]
    listed = [*enumerate(known, 1), *((None, key) for key in missing)]
    return [KeyStatus(key, place, secrets.get(key, 0), backups.get(key, 0)) for place, key in listed]


async def _rotate(settings: Settings, runtime: Runtime) -> Rotation:
    current = runtime.vault.keys.current
    done = await sealed_rows.rewrap(runtime.db, runtime.vault)
    if done.secrets:
        return Rotation(current, rewrapped=done.secrets, damaged=done.damaged)
    if settings.master_key is not None:
        return Rotation(current, setting=written(new_master_key()).decode().strip())
    add_to_file(settings)
    done = await sealed_rows.rewrap(runtime.db, runtime.vault)
    return Rotation(runtime.vault.keys.current, is_new=True, rewrapped=done.secrets, damaged=done.damaged)


def _run(settings: Settings, work: Callable[[Runtime], Awaitable[T]]) -> T:
    async def run(url: str) -> T:
        async with opened(settings, url) as runtime:
            return await work(runtime)

    with database(settings) as url:
        require_current(url)
        return asyncio.run(run(url))
