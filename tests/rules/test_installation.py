"""What `make run` installs is all that the server, its workers and the command line import when they start."""

import subprocess
import sys

import pytest

from tests.rules.sources import ROOT

ONLY_WHAT_IS_PINNED = """
import re, sys
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

def spelled(name):
    return re.sub(r"[-_.]+", "-", name).lower()

pins = re.findall(r"(?m)^([\\w.-]+)(?:\\[.*?\\])?==", Path("requirements/run.txt").read_text())
pinned = {spelled(one) for one in pins}
missing = {
    module
    for module, distributions in packages_distributions().items()
    if not pinned & {spelled(one) for one in distributions}
} - {"maestro", "app"}

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
assert "pandas" in missing and "starlette" not in missing
import_module(sys.argv[1])
"""


@pytest.mark.parametrize("module", ["app.server", "app.worker", "app.errands", "app.cli"])
def test_a_process_starts_with_what_is_pinned_for_running(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ONLY_WHAT_IS_PINNED, module], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
