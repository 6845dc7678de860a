"""An installation to be backed up, and a store for its backups."""

from pathlib import Path

import pytest

from connectors.stores import LocalStore
from ops.backups.making import Destination, Installation
from tests.ops.backups.manifests import KEYS


@pytest.fixture
def installation(database_url: str, tmp_path: Path) -> Installation:
    return Installation(database_url, tmp_path / "data" / "blobs", "0.1.0")


@pytest.fixture
def destination(tmp_path: Path) -> Destination:
    return Destination(LocalStore(tmp_path / "store"), KEYS, tmp_path / "drafts")
