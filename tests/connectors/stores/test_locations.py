import subprocess
import sys
from pathlib import Path

import pytest

from connectors.stores import location_of, store_of
from maestro.errors import InvalidInput
from maestro.settings import Settings


def test_a_driver_is_imported_when_it_is_used() -> None:
    code = "import sys, connectors.stores; print([m for m in sys.modules if m[:4] in ('aiob','boto','azur','gclo')])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize(
    "location",
    [
        "s3://",
        "s3://key:secret@bucket",
        "gs://",
        "gs://key:secret@bucket",
        "az://",
        "az://account",
        "az://a:secret@b/c",
        "file://host/x",
        "",
        "http://x",
    ],
)
async def test_a_text_that_names_no_store_is_refused(location: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        async with store_of(location, Settings(_env_file=None)):  # type: ignore[call-arg] # a keyword of pydantic's
            pass
    assert "secret" not in refused.value.message


async def test_a_folder_is_named_plainly_or_as_an_address(tmp_path: Path) -> None:
    settings = Settings(_env_file=None)  # type: ignore[call-arg] # a keyword of pydantic's
    folder = tmp_path / "a folder"
    for location in (str(folder), folder.as_uri()):
        async with store_of(location, settings) as opened:
            assert opened.folder == folder
            assert str(opened) == folder.as_uri()


def test_backups_lie_in_the_data_folder_unless_a_setting_says_otherwise(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path)  # type: ignore[call-arg] # a keyword of pydantic's
    assert location_of(settings) == str(tmp_path / "backups")
    assert location_of(settings.model_copy(update={"backup_store": "s3://bucket/x"})) == "s3://bucket/x"
