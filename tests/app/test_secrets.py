"""`python -m app secrets`: master keys are replaced while every credential stays openable."""

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from click.testing import Result

from maestro.db.engine import Database
from maestro.master_keys import vault_of, written
from maestro.postgres import attached
from maestro.settings import Settings
from maestro.vault import MasterKeys, Vault, key_id
from ops.sealed_rows import BATCH
from tests.app.conftest import Program
from tests.ops.test_connector_secrets import OLD, opens, stored

T = TypeVar("T")
NEW = bytes(range(32))


@contextmanager
def database(program: Program) -> "Iterator[Callable[[Callable[[Database], Awaitable[Any]]], Any]]":
    """Runs coroutines on the program's database, whose PostgreSQL lives as long as the block."""
    with attached(program.data) as address:

        def run(work: Callable[[Database], Awaitable[T]]) -> T:
            async def opened() -> T:
                db = Database(address.url(), pool_size=2)
                try:
                    return await work(db)
                finally:
                    await db.close()

            return asyncio.run(opened())

        yield run


def vault(program: Program) -> Vault:
    return vault_of(Settings(data_dir=program.data, _env_file=None))  # type: ignore[call-arg] # a keyword of pydantic's


def as_setting(*keys: bytes) -> str:
    return ",".join(written(key).decode().strip() for key in keys)


def secrets(program: Program, *words: str, **settings: str) -> Result:
    """Run a command that must succeed."""
    done = program.invoke("secrets", *words, **settings)
    assert done.exit_code == 0, done.output
    return done


def told(program: Program, *words: str, **settings: str) -> Any:
    return json.loads(secrets(program, *words, "--json", **settings).stdout)


def test_a_key_in_the_file_is_replaced_and_a_rotation_that_is_killed_is_finished(program: Program) -> None:
    file = program.data / "master.key"
    file.write_bytes(written(OLD))
    file.chmod(0o600)
    with database(program) as run:
        connectors = run(lambda db: stored(db, 2 * BATCH))

        async def kill_in_second_batch(db: Database) -> None:
            async with db.transaction() as tx:
                await tx.fetch_sql("SELECT 1 FROM connector_secret WHERE connector_id = $1 FOR UPDATE", connectors[-1])
                command = (sys.executable, "-m", "app", "secrets", "rotate")
                process = await asyncio.create_subprocess_exec(*command, cwd=program.folder, env=program.environment())
                while not await db.fetch_sql("SELECT 1 FROM connector_secret WHERE key_id <> $1", key_id(OLD)):
                    assert process.returncode is None
                    await asyncio.sleep(0.05)
                process.kill()
                assert await process.wait() == -signal.SIGKILL

        run(kill_in_second_batch)
        (new, old) = vault(program).keys.ids
        assert old == key_id(OLD)
        assert run(lambda db: opens(db, vault(program), connectors))
        left = {"id": old, "place": 2, "secrets": BATCH, "backups": 0, "isCurrent": False, "mayBeDropped": False}
        assert told(program, "status")["keys"][1] == left
        done = {"current": new, "isNew": False, "rewrapped": BATCH, "damaged": 0, "setting": None}
        assert told(program, "rotate") == done
        current = {"id": new, "place": 1, "secrets": 2 * BATCH, "backups": 0, "isCurrent": True, "mayBeDropped": False}
        assert told(program, "status")["keys"] == [current, {**left, "secrets": 0, "mayBeDropped": True}]
        file.write_text(file.read_text().splitlines()[0])
        assert run(lambda db: opens(db, vault(program), connectors))


def test_with_keys_in_the_settings_the_new_one_is_told_and_then_used(program: Program) -> None:
    with database(program) as run:
        connectors = run(lambda db: stored(db, 3))
        first = secrets(program, "rotate", MAESTRO_MASTER_KEY=as_setting(OLD))
        new = first.stdout.strip()
        assert "Put this key in front of what MAESTRO_MASTER_KEY holds" in first.stderr
        both = f"{new},{as_setting(OLD)}"
        assert told(program, "rotate", MAESTRO_MASTER_KEY=both)["rewrapped"] == 3
        shown = secrets(program, "status", MAESTRO_MASTER_KEY=both)
        assert [line.split()[0] for line in shown.stdout.splitlines()] == ["1", "2"]
        assert shown.stdout.splitlines()[0].endswith("3 credentials  current")
        assert shown.stdout.splitlines()[1].endswith("0 credentials  may be dropped")
        alone = Settings(master_key=new, _env_file=None)  # type: ignore[call-arg,arg-type] # pydantic's
        assert run(lambda db: opens(db, vault_of(alone), connectors))
    assert not (program.data / "master.key").exists()


def test_a_key_that_is_not_there_is_named_with_how_many_credentials_need_it(program: Program) -> None:
    with database(program) as run:
        run(lambda db: stored(db, 2))
        shown = program.invoke("secrets", "status", MAESTRO_MASTER_KEY=as_setting(NEW))
    assert shown.exit_code == 1
    lost = f"  -  {key_id(OLD)}         2 credentials  missing: bring it back, or set these credentials again"
    assert shown.stdout.splitlines()[1:] == [lost]


def test_a_master_key_that_is_none_is_found_by_a_check_and_stops_the_server_with_its_hint(program: Program) -> None:
    checked = program.invoke("check", MAESTRO_PORT="0", MAESTRO_MASTER_KEY="short")
    served = program.invoke("serve", "--port", "0", MAESTRO_MASTER_KEY="short")
    assert (checked.exit_code, served.exit_code) == (1, 1)
    for told_of in (checked.output, served.output):
        assert "MAESTRO_MASTER_KEY is no list of master keys" in told_of
        assert "openssl rand -base64 32" in told_of


def test_a_file_that_others_may_read_stops_the_command(program: Program) -> None:
    file = program.data / "master.key"
    file.write_bytes(written(OLD))
    file.chmod(0o644)
    refused = program.invoke("secrets", "status")
    assert refused.exit_code == 1
    assert "master.key is open to other accounts than its owner's: its mode is 0644." in refused.stderr
    assert MasterKeys([OLD]).ids[0] not in refused.stdout
