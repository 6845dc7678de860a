"""What connectors may use of the machine: folders that are allowed, and nothing else."""

from pathlib import Path

import pytest

from maestro.connector_rules import NOTHING, ConnectorRules, allowed_folder, rules_of
from maestro.errors import InvalidInput
from maestro.settings import Settings


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "models").mkdir(parents=True)
    (tmp_path / "database").mkdir()
    return folder


def test_a_folder_below_an_allowed_one_is_allowed(data: Path) -> None:
    rules = ConnectorRules(folders=(data,))
    for folder in (data, data / "models", data / "not" / "there" / "yet"):
        assert allowed_folder(str(folder), rules) == folder


def test_every_other_folder_is_refused(data: Path) -> None:
    rules = ConnectorRules(folders=(data,))
    for folder in (data.parent, data.parent / "database", data.parent / "data2", Path("/")):
        with pytest.raises(InvalidInput) as refused:
            allowed_folder(str(folder), rules)
        assert refused.value.details["field"] == "config.local.folder"
        assert "MAESTRO_LOCAL_CONNECTOR_FOLDERS" in str(refused.value.hint)


def test_without_a_setting_no_folder_is_allowed(data: Path) -> None:
    with pytest.raises(InvalidInput):
        allowed_folder(str(data), NOTHING)


def test_links_are_followed_before_a_folder_is_allowed(data: Path) -> None:
    (data / "out").symlink_to(data.parent / "database")
    (data.parent / "in").symlink_to(data / "models")
    rules = ConnectorRules(folders=(data,))
    with pytest.raises(InvalidInput):
        allowed_folder(str(data / "out" / "x"), rules)
    assert allowed_folder(str(data.parent / "in" / "x"), rules) == data / "models" / "x"
    assert allowed_folder(str(data / "models"), ConnectorRules(folders=(data.parent / "in",))) == data / "models"


def test_the_settings_say_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAESTRO_LOCAL_CONNECTOR_FOLDERS", "/data, /models")
    monkeypatch.setenv("MAESTRO_CONNECTOR_AMBIENT_CREDENTIALS", "true")
    settings = Settings(_env_file=None)  # type: ignore[call-arg] # a keyword of pydantic's
    assert rules_of(settings) == ConnectorRules(has_ambient_credentials=True, folders=(Path("/data"), Path("/models")))
