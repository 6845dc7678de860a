"""The drill: a backup is made, the data damaged, restored and compared row by row, and rolled back; by API and CLI."""

import asyncio
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from uuid import UUID

import pyrage
import pytest

from maestro.ids import Kind, encode, uuid_of
from maestro.master_keys import vault_of
from maestro.settings import Settings
from maestro.vault import MasterKeys
from ops.backups.manifest import read_manifest, written
from ops.backups.sealing import key_pairs
from ops.point_in_time import Archive, bases
from tests.app.conftest import migrated
from tests.app.drilling import PATIENCE_S, Installation
from tests.fixtures.hooks import hook_server

START: Final = 'mutation { startBackup(input: { label: "drill" }) { id job { id } } }'
RESTORE: Final = "mutation ($id: ID!) { startRestore(backupId: $id) { id job { id } } }"
CHANNEL: Final = """mutation ($url: String!) {
    createNotificationChannel(
        input: { name: "drill", kind: WEBHOOK, address: $url, jobKinds: [PRUNE], onSuccess: true }
    ) {
        ... on NotificationChannelSaved { channel { id } }
    }
}"""
TRY: Final = "mutation ($id: ID!) { testNotificationChannel(id: $id) { id } }"
PRUNE: Final = "mutation { pruneBackups(dryRun: true) { id } }"
KEEP_HOUSE: Final = "mutation { startMaintenance(kind: HOUSEKEEPING) { id } }"
BASES: Final = """{ jobs(filter: { kind: { eq: BASE_BACKUP } }) { nodes { id state } } }"""
RESTORED: Final = "query ($id: ID!) { restore(id: $id) { state keptDatabase safetyBackup { id } } }"
BACK: Final = "mutation ($id: ID!) { rollbackRestore(id: $id) { id } }"


def flipped(content: bytes) -> bytes:
    """The same with one other bit in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@dataclass(frozen=True)
class Stored:
    """A backup in the folder of a store."""

    folder: Path
    keys: MasterKeys

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.json"

    @property
    def largest(self) -> Path:
        return max((self.folder / "dump").iterdir(), key=lambda path: path.stat().st_size)

    def corrupt(self) -> None:
        self.largest.write_bytes(flipped(self.largest.read_bytes()))

    def truncate(self) -> None:
        self.largest.write_bytes(self.largest.read_bytes()[:-1])

    def estrange(self) -> None:
        """Sign the manifest as another installation does."""
        others = MasterKeys([b"another installation's own key.."])
        manifest = read_manifest(self.manifest.read_bytes(), self.keys)
        self.manifest.write_bytes(written(replace(manifest, key_id=others.current), others))

    def postdate(self) -> None:
        """Make it one of a later version."""
        content = self.manifest.read_bytes()
        self.manifest.write_bytes(content.replace(b'"version": 1\n', b'"version": 2\n'))

    def lock(self) -> None:
        """Encrypt a file for somebody else, and sign what it is now: only the key tells."""
        others = MasterKeys([b"somebody else's own master key.."])
        manifest = read_manifest(self.manifest.read_bytes(), self.keys)
        place = self.largest
        (entry,) = [one for one in manifest.files if one.path.endswith(place.name)]
        recipient = pyrage.x25519.Recipient.from_str(key_pairs(others)[0].recipient)
        place.write_bytes(pyrage.encrypt(bytes(entry.plain_size or 0), [recipient]))
        digest = hashlib.sha256(place.read_bytes()).hexdigest()
        other = replace(entry, size=place.stat().st_size, sha256=digest)
        files = [other if one is entry else one for one in manifest.files]
        self.manifest.write_bytes(written(replace(manifest, files=tuple(files)), self.keys))


@pytest.fixture(scope="module")
def installation(reachable_folder: Path, initialised: Path) -> Iterator[Installation]:
    """A server with the demo and a worker."""
    with migrated(reachable_folder, initialised) as program:
        assert program.run("seed").returncode == 0
        with program.serving(MAESTRO_WORKERS="1", MAESTRO_WEBHOOK_NETWORKS="127.0.0.0/8") as server:
            key = program.run("key", "create", "--name", "drill").stdout.strip()
            running = Installation(server, key)
            yield running
            running.http.close()


@pytest.fixture(scope="module")
def encrypted(installation: Installation) -> Stored:
    """An encrypted backup in the store, and the keys of the installation."""
    made = installation.cli("backup", "create", "--encrypt")
    settings = Settings(data_dir=installation.program.data, _env_file=None)  # type: ignore[call-arg] # pydantic's keyword
    folder = installation.program.data / "backups" / "backups" / uuid_of(Kind.Backup, made["id"]).hex
    return Stored(folder, vault_of(settings).keys)


async def test_a_restore_brings_every_row_and_every_file_back_and_can_be_undone(installation: Installation) -> None:
    before = await installation.rows()
    started = installation(START)["startBackup"]
    made = installation.ended(started["job"]["id"])
    assert made["verification"]["rows"] > 5_000

    await installation.damage()
    files = installation.lose_files()
    damaged = await installation.rows()
    assert damaged != before

    restore = installation(RESTORE, id=started["id"])["startRestore"]
    done = installation.ended(restore["job"]["id"])
    assert await installation.rows() == before
    assert all(path.is_file() for path in files)
    assert done["filesBroughtBack"] == len(files[::2])
    assert done["unavailableMs"] <= 2_000

    back = installation(BACK, id=restore["id"])["rollbackRestore"]
    installation.ended(back["id"])
    assert await installation.rows() == damaged
    again = installation("query ($id: ID!) { restore(id: $id) { state rolledBackAt canRollBack } }", id=restore["id"])
    assert again["restore"]["rolledBackAt"] is not None
    assert again["restore"]["canRollBack"] is False


async def test_the_same_by_commands(installation: Installation) -> None:
    before = await installation.rows()
    made = installation.cli("backup", "create", "--label", "by hand")
    assert (made["state"], made["isVerified"], made["label"]) == ("SUCCEEDED", True, "by hand")

    await installation.damage()
    damaged = await installation.rows()
    tried = installation.cli("restore", "start", made["id"], "--dry-run")
    assert (tried["state"], tried["isDryRun"]) == ("SUCCEEDED", True)
    assert await installation.rows() == damaged

    restored = installation.cli("restore", "start", made["id"])
    assert await installation.rows() == before
    assert restored["canRollBack"] is True
    done = installation.program.run("restore", "rollback", restored["id"], "--yes")
    assert done.returncode == 0, done.stderr
    assert await installation.rows() == damaged
    assert installation("{ projects { nodes { name } } }")["projects"]["nodes"], (
        "the server that ran all the while sees what is there now"
    )


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (Stored.corrupt, "CORRUPT"),
        (Stored.truncate, "TRUNCATED"),
        (Stored.estrange, "FOREIGN"),
        (Stored.postdate, "FUTURE_VERSION"),
        (Stored.lock, "WRONG_KEY"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_backup_that_cannot_be_relied_on_is_refused_before_any_effect(
    installation: Installation, encrypted: Stored, *, damage: Callable[[Stored], None], reason: str
) -> None:
    kept = {path: path.read_bytes() for path in encrypted.folder.rglob("*") if path.is_file()}
    before = await installation.rows()
    damage(encrypted)
    key = encode(Kind.Backup, UUID(hex=encrypted.folder.name))
    try:
        started = installation(RESTORE, id=key)["startRestore"]
        job = installation.over(started["job"]["id"])
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
    assert (job["state"], job["error"]["code"]) == ("FAILED", "BACKUP_REFUSED"), job
    told = [event["details"] for event in job["events"]["nodes"] if event["level"] == "ERROR"]
    assert [details["details"]["reason"] for details in told] == [reason]
    assert await installation.rows() == before
    assert await installation.databases() == ["maestro", "maestro_jobs"]
    restore = installation(RESTORED, id=started["id"])["restore"]
    assert restore == {"state": "FAILED", "keptDatabase": None, "safetyBackup": None}


async def test_what_can_be_backed_up_of_damaged_data_can_be_restored(installation: Installation) -> None:
    before = await installation.rows()
    lost, *_ = installation.files()
    # A backup before this one may have brought it to safety.
    places = [lost, installation.program.data / "backups" / "blobs" / lost.name]
    content = lost.read_bytes()
    for place in places:
        place.unlink()
    try:
        started = installation(START)["startBackup"]
        made = installation.over(started["job"]["id"])
        assert (made["state"], made["result"]["missing"]) == ("PARTIAL", [lost.name])
        await installation.damage()
        restore = installation(RESTORE, id=started["id"])["startRestore"]
        installation.ended(restore["job"]["id"])
        assert await installation.rows() == before
    finally:
        for place in places:
            place.write_bytes(content)


async def test_a_base_backup_is_begun_when_none_leads_to_now(installation: Installation) -> None:
    archive = Archive.at(installation.program.data, data_dir=installation.program.data)
    installation.ended(installation(KEEP_HOUSE)["startMaintenance"]["id"])
    known = installation(BASES)["jobs"]["nodes"]
    for base in bases(archive):
        shutil.rmtree(archive.base / base.id)

    done = installation.ended(installation(KEEP_HOUSE)["startMaintenance"]["id"])

    assert done["baseBackup"] is True
    (begun,) = [job for job in installation(BASES)["jobs"]["nodes"] if job["id"] not in {one["id"] for one in known}]
    installation.ended(begun["id"])
    assert len(bases(archive)) == 1


async def test_a_channel_is_told_how_jobs_have_ended(installation: Installation) -> None:
    async with hook_server() as hooks:
        made = await asyncio.to_thread(installation, CHANNEL, url=hooks.url)
        channel = made["createNotificationChannel"]["channel"]["id"]
        tried = await asyncio.to_thread(installation, TRY, id=channel)
        await asyncio.to_thread(installation.ended, tried["testNotificationChannel"]["id"])
        pruned = await asyncio.to_thread(installation, PRUNE)
        await asyncio.to_thread(installation.ended, pruned["pruneBackups"]["id"])
        async with asyncio.timeout(PATIENCE_S):
            while len(hooks.requests) < 2:  # noqa: ASYNC110 -- the server tells nobody when it is asked
                await asyncio.sleep(0.05)
    assert [json.loads(body)["job"]["kind"] for _, _, body in hooks.requests if b'"PRUNE"' in body] == ["PRUNE"]
