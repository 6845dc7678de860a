"""Encrypted backups: what age can open, who can open it, and what is refused."""

import asyncio
import hashlib
import io
import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from maestro.errors import BackupRefused, NotFound, StartupError
from maestro.settings import Settings
from maestro.vault import MasterKeys, key_id
from ops.backups import age
from ops.backups.sealing import Seal, key_pairs, open_file, open_stream, seal_file, seal_of

OLD, NEW, LOST = (bytes([n]) * 32 for n in range(3))
MEGABYTE = 1024 * 1024
KEYS = MasterKeys([NEW])


def settings(**given: object) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[call-arg, arg-type] # a keyword of pydantic's


def seal(*others: str, key: bytes = NEW) -> Seal:
    made = seal_of(settings(backup_recipients=others), MasterKeys([key]), encrypted=True)
    assert made is not None
    return made


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def sealed(tmp_path: Path, content: bytes, by: Seal | None = None) -> Path:
    target = tmp_path / "sealed.age"
    await seal_file(written(tmp_path / "plain", content), target, by or seal())
    return target


async def pieces(content: bytes, size: int = 100_000) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(content), size):
        await asyncio.sleep(0)
        yield content[start : start + size]


async def failing(content: bytes) -> AsyncGenerator[bytes, None]:
    yield content
    raise NotFound("It has gone.")


@given(st.binary(min_size=32, max_size=32))
def test_an_identity_is_one_for_age_and_belongs_to_the_key_that_the_secret_is(secret: bytes) -> None:
    identity = age.identity_of(secret)
    read = pyrage.x25519.Identity.from_str(identity)
    assert str(read) == identity
    public = X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    assert age.recipient_of(identity) == age._bech32("age", public)


def test_an_identity_is_written_as_the_examples_of_bech32_are() -> None:
    # BIP 173, test vectors: the data are the numbers 0 to 31, of 5 bits each.
    assert age._bech32("abcdef", bytes.fromhex("00443214c74254b635cf84653a56d7c675be77df")) == (
        "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw"
    )


def test_the_keys_of_backups_are_the_same_each_time_and_differ_by_master_key_and_purpose() -> None:
    (new, old), (again,) = key_pairs(MasterKeys([NEW, OLD])), key_pairs(KEYS)
    assert new == again
    assert new.identity != old.identity
    assert (new.key_id, old.key_id) == (key_id(NEW), key_id(OLD))
    assert age.identity_of(NEW) != new.identity
    assert new.identity not in repr(new)


async def test_plain_age_opens_a_sealed_file_with_the_identity_that_is_printed(tmp_path: Path) -> None:
    content = os.urandom(300_000)
    target = await sealed(tmp_path, content)
    identity = pyrage.x25519.Identity.from_str(key_pairs(KEYS)[0].identity)
    assert pyrage.decrypt(written(target, target.read_bytes()).read_bytes(), [identity]) == content


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 3 * MEGABYTE + 1])
async def test_what_is_sealed_opens_and_all_digests_are_told(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    target = tmp_path / "sealed.age"
    plain_bytes: list[int] = []
    done = await seal_file(written(tmp_path / "plain", content), target, seal(), told=plain_bytes.append)
    stored = target.read_bytes()
    assert (done.size, done.sha256) == (len(stored), hashlib.sha256(stored).hexdigest())
    assert (done.plain_size, done.plain_sha256) == (size, hashlib.sha256(content).hexdigest())
    assert sum(plain_bytes) == size
    assert await open_file(target, tmp_path / "opened", KEYS) == done
    assert (tmp_path / "opened").read_bytes() == content
    assert (tmp_path / "opened").stat().st_mode & 0o777 == 0o600
    assert await open_stream(pieces(stored), KEYS) == done
    assert await open_stream(pieces(stored), KEYS, target=tmp_path / "again") == done
    assert (tmp_path / "again").read_bytes() == content


async def test_an_older_master_key_still_opens(tmp_path: Path) -> None:
    target = await sealed(tmp_path, b"x", seal(key=OLD))
    assert (await open_file(target, tmp_path / "opened", MasterKeys([NEW, OLD]))).plain_size == 1


async def test_a_further_recipient_opens_without_the_master_key(tmp_path: Path) -> None:
    theirs = pyrage.x25519.Identity.generate()
    target = await sealed(tmp_path, b"x", seal(str(theirs.to_public())))
    lost = MasterKeys([LOST])
    with pytest.raises(BackupRefused):
        await open_file(target, tmp_path / "opened", lost)
    assert (await open_file(target, tmp_path / "opened", lost, identities=[str(theirs)])).plain_size == 1


async def test_another_key_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    target = await sealed(tmp_path, b"x" * MEGABYTE)
    with pytest.raises(BackupRefused) as refused:
        await open_file(target, tmp_path / "opened", MasterKeys([LOST]))
    assert refused.value.details["reason"] == "WRONG_KEY"
    with pytest.raises(BackupRefused) as refused:
        await open_stream(pieces(target.read_bytes()), MasterKeys([LOST]), target=tmp_path / "opened")
    assert refused.value.details["reason"] == "WRONG_KEY"
    assert names(tmp_path) == ["plain", "sealed.age"]


@pytest.mark.parametrize("place", [0, 30, 90, -1, -MEGABYTE, -70_000])
async def test_a_bit_that_has_changed_anywhere_is_found(tmp_path: Path, place: int) -> None:
    target = await sealed(tmp_path, b"x" * (MEGABYTE + 5))
    content = bytearray(target.read_bytes())
    content[place] ^= 1
    written(target, bytes(content))
    with pytest.raises(BackupRefused) as refused:
        await open_file(target, tmp_path / "opened", KEYS)
    assert refused.value.details["reason"] in ("CORRUPT", "WRONG_KEY")
    assert names(tmp_path) == ["plain", "sealed.age"]


@pytest.mark.parametrize("rest", [0, 10, 100, 70_000, MEGABYTE, -1])
async def test_what_was_cut_off_is_found(tmp_path: Path, rest: int) -> None:
    target = await sealed(tmp_path, b"x" * (MEGABYTE + 5))
    written(target, target.read_bytes()[:rest])
    with pytest.raises(BackupRefused) as refused:
        await open_file(target, tmp_path / "opened", KEYS)
    assert refused.value.details["reason"] == "CORRUPT"


async def test_what_goes_wrong_on_the_way_is_raised_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="gone"):
        await open_stream(failing((await sealed(tmp_path, b"x" * MEGABYTE)).read_bytes()[:70_000]), KEYS)
    with pytest.raises(FileNotFoundError):
        await seal_file(tmp_path / "nothing", tmp_path / "sealed", seal())


async def test_sealing_that_is_cancelled_ends_and_leaves_nothing(tmp_path: Path) -> None:
    plain = written(tmp_path / "plain", b"x" * (64 * MEGABYTE))
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told(_: int) -> None:
        loop.call_soon_threadsafe(begun.set)

    sealing = asyncio.create_task(seal_file(plain, tmp_path / "sealed", seal(), told=told))
    await begun.wait()
    sealing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sealing
    assert names(tmp_path) == ["plain"]


def test_nothing_is_sealed_unless_somebody_wants_it() -> None:
    assert seal_of(settings(), KEYS) is None
    assert seal_of(settings(backup_encryption=True), KEYS, encrypted=False) is None
    assert seal_of(settings(backup_encryption=True), KEYS) == seal()


def test_the_names_of_blobs_differ_where_others_may_open_them() -> None:
    other = str(pyrage.x25519.Identity.generate().to_public())
    endings = {seal().blob_ending, seal(other).blob_ending, seal(key=OLD).blob_ending}
    assert len(endings) == 3
    assert seal(other, other).blob_ending in endings
    assert all(len(ending) == 21 and ending.endswith(".age") for ending in endings)


def test_a_recipient_that_is_none_is_named() -> None:
    with pytest.raises(StartupError, match="age1wrong"):
        seal("age1wrong")


MEASURED = """
import asyncio, resource, sys
from pathlib import Path
from maestro.vault import MasterKeys
from ops.backups.sealing import Seal, key_pairs, open_file, seal_file
keys = MasterKeys([bytes(32)])
seal, plain = Seal(keys.current, (key_pairs(keys)[0].recipient,)), Path(sys.argv[1])
asyncio.run(seal_file(plain, plain.with_suffix(".age"), seal))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with plain.open("ab") as file:
    for _ in range(96): file.write(bytes(1024 * 1024))
asyncio.run(seal_file(plain, plain.with_suffix(".age"), seal))
asyncio.run(open_file(plain.with_suffix(".age"), plain.with_suffix(".out"), keys))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    plain = written(tmp_path / "plain", bytes(4 * MEGABYTE))
    done = subprocess.run([sys.executable, "-c", MEASURED, plain], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 12_000  # KiB, for 100 MiB


def test_a_sink_hands_on_everything() -> None:
    into = io.BytesIO()
    sink = age.Sink(into.write)
    for number in range(2000):
        sink.write(bytes([number % 256]) * 1000)
    sink.flush()
    assert (sink.size, len(into.getvalue())) == (2_000_000, 2_000_000)
