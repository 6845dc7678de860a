"""The files of the application under test."""

from pathlib import Path

import pytest

from connectors.local import LocalBlobs
from maestro.settings import Settings


@pytest.fixture
def folder(settings: Settings) -> Path:
    """Where files lie."""
    return settings.data_dir / "blobs"


@pytest.fixture
def blobs(folder: Path) -> LocalBlobs:
    """The store of files."""
    return LocalBlobs(folder)
