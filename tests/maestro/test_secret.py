"""Where the secret of links comes from: the settings, or a file that its owner alone reads."""

import stat
from pathlib import Path

import pytest

from maestro.errors import StartupError
from maestro.secret import secret_of
from maestro.settings import Settings


def settings(folder: Path, secret: str | None = None) -> Settings:
    return Settings(data_dir=folder, secret_key=secret, _env_file=None)  # type: ignore[call-arg,arg-type] # pydantic's


def test_without_a_setting_a_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    made = secret_of(settings(tmp_path / "data"))
    assert stat.S_IMODE((tmp_path / "data" / "secret").stat().st_mode) == 0o600
    assert secret_of(settings(tmp_path / "data")) == made
    assert len(made) == 64


def test_with_the_setting_there_is_no_file(tmp_path: Path) -> None:
    assert secret_of(settings(tmp_path, "s" * 32)) == b"s" * 32
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602])
def test_a_file_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    secret_of(settings(tmp_path))
    (tmp_path / "secret").chmod(mode)
    with pytest.raises(StartupError, match=f"its mode is {mode:04o}"):
        secret_of(settings(tmp_path))
