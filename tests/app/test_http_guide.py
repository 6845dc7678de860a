"""The commands of the guide to HTTP, run against a server: each prints what stands below it."""

import os
import shutil
import subprocess

import pytest

from tests.app.conftest import Server
from tests.docs.test_docs import DOCS, Block, blocks_of, each

GUIDE = [*blocks_of(DOCS / "guides" / "http.md")]
SHOWN = [block for block in GUIDE if block.before is not None and block.before.text.startswith("curl ")]


def test_every_command_has_its_output_below() -> None:
    assert len(SHOWN) == len([block for block in GUIDE if block.text.startswith("curl ")]) > 3


@each(SHOWN)
def test_a_command_prints_what_stands_below_it(block: Block, server: Server, key: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed, so the commands of the guide are not run")
    assert block.before is not None
    environment = {**os.environ, "URL": server.url, "KEY": key, "no_proxy": "*"}
    done = subprocess.run(
        ["sh", "-c", block.before.text], env=environment, capture_output=True, text=True, check=True, timeout=30
    )
    printed = done.stdout.lower()
    assert [line for line in block.text.splitlines() if line.lower() not in printed] == []
