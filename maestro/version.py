"""The version of this server, read from pyproject.toml: the application is run from its folder, never installed."""

import tomllib
from pathlib import Path
from typing import Final


def _read() -> str:
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
    version: str = project["version"]
    return version


VERSION: Final = _read()
