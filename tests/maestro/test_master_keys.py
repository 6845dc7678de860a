"""Where master keys come from: the settings, or a file that its owner alone reads."""

import base64
import logging
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from maestro.errors import MasterKeyMissing, StartupError
from maestro.master_keys import add_to_file, vault_of, written
from maestro.settings import Settings
from maestro.vault import key_id

FIRST, SECOND = bytes(32), bytes(range(32))


def settings(folder: Path, *keys: bytes) -> Settings:
    given = ",".join(written(key).decode().strip() for key in keys) or None
    return Settings(data_dir=folder, master_key=given, _env_file=None)  # type: ignore[call-arg,arg-type] # pydantic's


def test_without_a_setting_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (made,) = vault_of(settings(folder)).keys.ids
    file = folder / "master.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert key_id(base64.b64decode(file.read_text().strip(), validate=True)) == made
    assert vault_of(settings(folder)).keys.ids == (made,)
    assert list(folder.iterdir()) == [file]


def test_servers_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: vault_of(settings(tmp_path)).keys.ids, range(16)))
    assert len(set(made)) == 1


def test_with_the_setting_there_is_no_file(tmp_path: Path) -> None:
    keys = vault_of(settings(tmp_path, FIRST, SECOND)).keys
    assert keys.ids == (key_id(FIRST), key_id(SECOND))
    assert keys.current == key_id(FIRST)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602])
def test_a_file_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    vault_of(settings(tmp_path))
    (tmp_path / "master.key").chmod(mode)
    with pytest.raises(StartupError, match=f"its mode is {mode:04o}") as raised:
        vault_of(settings(tmp_path))
    assert raised.value.hint is not None
    assert raised.value.hint.startswith("Run `chmod 600")


@pytest.mark.parametrize("text", ["", "\n", "hush", "aHVzaA==", "A" * 44, f"{base64.b64encode(bytes(32)).decode()}\nx"])
def test_a_file_that_holds_something_else_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    file = tmp_path / "master.key"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(StartupError, match="is no list of master keys") as raised:
        vault_of(settings(tmp_path))
    assert text.strip() == "" or text.strip() not in str(raised.value.extensions) + raised.value.message
    assert file.read_text() == text


def test_a_setting_that_holds_something_else_is_refused_and_not_shown(tmp_path: Path) -> None:
    wrong = Settings(data_dir=tmp_path, master_key="hush", _env_file=None)  # type: ignore[call-arg,arg-type] # pydantic's
    with pytest.raises(StartupError) as raised:
        vault_of(wrong)
    assert raised.value.message == "MAESTRO_MASTER_KEY is no list of master keys: each is 32 bytes in base64."
    assert "hush" not in repr(wrong)


def test_a_new_key_stands_in_front_and_a_running_server_takes_it_up(tmp_path: Path) -> None:
    running = vault_of(settings(tmp_path))
    (old,) = running.keys.ids
    add_to_file(settings(tmp_path))
    new, kept = running.keys.ids
    assert kept == old != new
    assert stat.S_IMODE((tmp_path / "master.key").stat().st_mode) == 0o600


def test_two_rotations_at_once_lose_no_key(tmp_path: Path) -> None:
    vault = vault_of(settings(tmp_path))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: add_to_file(settings(tmp_path)), range(16)))
    assert len(vault.keys.ids) == 17


def test_a_file_that_is_lost_while_a_server_runs_is_told_to_its_log_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    running = vault_of(settings(tmp_path))
    (tmp_path / "master.key").unlink()
    with caplog.at_level(logging.ERROR), pytest.raises(MasterKeyMissing) as raised:
        running.seal(b"", belongs_to="")
    assert str(tmp_path) in caplog.text
    assert str(tmp_path) not in f"{raised.value.message} {raised.value.hint}"
