"""Manifests: read as they were written, and refused when anything about them is not as it was."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from maestro.errors import BackupRefused, MasterKeyMissing
from maestro.vault import MasterKeys
from ops.backups.manifest import VERSION, BlobEntry, FileEntry, Manifest, TableState, plain, read_manifest, written
from ops.backups.sealing import Seal
from tests.ops.backups.manifests import KEYS, OLDER, OURS, THEIRS, manifest

SHA = "a" * 64
FULL = manifest(
    files=(
        FileEntry(path="dump/toc.dat", size=3, sha256=SHA),
        FileEntry(path="dump/1.dat.age", size=300, sha256=SHA, plain_size=90, plain_sha256="b" * 64),
    ),
    blobs=(BlobEntry(key=f"blobs/{SHA}", sha256=SHA, size=7, stored_size=7, organizations=("0" * 32,)),),
    encryption=Seal(KEYS.current, ("age1x",)).entry,
    details={"dump": {"compression": "zstd:1", "jobs": 2}},
)
CONTENT = written(FULL, KEYS)


def reason(content: bytes, keys: MasterKeys = KEYS, **options: Any) -> str:
    with pytest.raises(BackupRefused) as refused:
        read_manifest(content, keys, **options)
    assert refused.value.hint
    assert refused.value.code == "BACKUP_REFUSED"
    return str(refused.value.details["reason"])


def changed(**values: Any) -> bytes:
    """The manifest with other values, in its right form, under the signature of what it was."""
    found = {**orjson.loads(CONTENT), **values}
    return orjson.dumps(found, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def signed(**values: Any) -> bytes:
    """The manifest with other values, signed by somebody who has the key."""
    return written(replace(FULL, **values), KEYS)


@pytest.mark.parametrize("made", [manifest(), FULL])
def test_a_manifest_is_read_as_it_was_written(made: Manifest) -> None:
    assert read_manifest(written(made, KEYS), KEYS) == made


def test_a_manifest_is_json_that_people_can_read_in_one_form_only() -> None:
    assert orjson.loads(CONTENT)["tables"]["run"] == {"rows": 2, "checksum": "17"}
    assert changed() == CONTENT
    assert written(replace(FULL, tables=dict(reversed([*FULL.tables.items()]))), KEYS) == CONTENT
    assert orjson.loads(CONTENT) == {**plain(FULL), "signature": orjson.loads(CONTENT)["signature"]}


def test_what_a_backup_takes_is_told() -> None:
    assert (FULL.size_bytes, FULL.blob_bytes) == (303, 7)


def test_an_older_master_key_still_verifies() -> None:
    older = MasterKeys([OLDER])
    made = manifest(key_id=older.current)
    assert read_manifest(written(made, older), MasterKeys([OURS, OLDER])) == made


def test_nobody_signs_with_a_key_that_is_not_there() -> None:
    with pytest.raises(MasterKeyMissing):
        written(FULL, MasterKeys([THEIRS]))


def test_a_flipped_bit_anywhere_is_refused() -> None:
    reasons = set()
    for place in range(len(CONTENT)):
        damaged = bytearray(CONTENT)
        damaged[place] ^= 1
        reasons.add(reason(bytes(damaged)))
    assert reasons <= {"CORRUPT", "FOREIGN", "FUTURE_VERSION", "INCOMPLETE"}
    assert "CORRUPT" in reasons


def test_a_manifest_that_is_cut_off_anywhere_is_refused() -> None:
    reasons = [reason(CONTENT[:rest]) for rest in range(len(CONTENT))]
    assert reasons[0] == "CORRUPT"
    assert set(reasons[1:-1]) == {"INCOMPLETE"}


@pytest.mark.parametrize("more", [b"\n", b" ", b"{}", b"\0"])
def test_what_stands_behind_a_manifest_is_refused(more: bytes) -> None:
    assert reason(CONTENT + more) in ("CORRUPT", "INCOMPLETE")


def test_the_backup_of_another_installation_is_refused_unless_somebody_wants_it() -> None:
    theirs = MasterKeys([THEIRS])
    made = replace(FULL, key_id=theirs.current)
    content = written(made, theirs)
    assert reason(content) == "FOREIGN"
    assert read_manifest(content, KEYS, accept_foreign=True) == made


def test_whoever_accepts_a_foreign_backup_does_not_accept_a_changed_one_of_ours() -> None:
    assert reason(changed(label="other"), accept_foreign=True) == "CORRUPT"


@pytest.mark.parametrize(
    "values",
    [
        {"label": "other"},
        {"tables": {**plain(FULL)["tables"], "run": {"rows": 3, "checksum": "17"}}},
        {"files": []},
        {"encryption": None},
        {"version": 0},
        {"version": "1"},
        {"version": None},
        {"backup_id": "0" * 32},
        {"more": 1},
        {"signature": "0" * 64},
        {"signature": "é"},
        {"signature": None},
        {"key_id": None},
        {"key_id": 5},
        {"format": "other"},
    ],
)
def test_a_changed_value_is_refused(values: dict[str, Any]) -> None:
    assert reason(changed(**values)) == "CORRUPT"


def test_a_later_format_is_refused_with_its_version_whatever_else_it_has() -> None:
    assert reason(changed(version=VERSION + 1)) == "FUTURE_VERSION"
    assert reason(changed(version=VERSION + 1, signature={"by": "another way"}, files={"other": "shape"})) == (
        "FUTURE_VERSION"
    )
    assert reason(changed(version=10**18, key_id="unknown"), accept_foreign=True) == "FUTURE_VERSION"


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b"5", b"\xff\xfe", b"PGDMP", b"{}\n", b"[" * 100_000])
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    assert reason(content) == "CORRUPT"


@pytest.mark.parametrize("path", ["../dump", "/etc/passwd", "dump/../../x", "", "dump/./x", "a//b", "a\0b"])
def test_a_path_that_leads_out_of_the_backup_is_refused_even_when_it_is_signed(path: str) -> None:
    assert reason(signed(files=(FileEntry(path=path, size=1, sha256=SHA),))) == "CORRUPT"
    assert reason(signed(blobs=(replace(FULL.blobs[0], key=path),))) == "CORRUPT"


@pytest.mark.parametrize(
    "values",
    [
        {"files": (FileEntry(path="a", size=-1, sha256=SHA),)},
        {"files": (FileEntry(path="a", size=1, sha256="A" * 64),)},
        {"files": (FileEntry(path="a", size=1, sha256=SHA + "\n"),)},
        {"files": (FULL.files[0], FULL.files[0])},
        {"tables": {"run": TableState(rows=-1, checksum="")}},
    ],
)
def test_values_that_cannot_be_are_refused_even_when_they_are_signed(values: dict[str, Any]) -> None:
    assert reason(signed(**values)) == "CORRUPT"
