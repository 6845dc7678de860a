"""How people are told to start a command."""

import sys
from pathlib import Path

import pytest

from maestro.invocation import command


def test_an_interpreter_below_the_current_folder_is_named_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(Path.cwd() / ".venv" / "bin" / "python"))
    assert command("link") == ".venv/bin/python -m app link"


def test_the_interpreter_that_python_stands_for_is_called_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = tmp_path / "python"
    found.touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(found))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command("key create --name x") == "python -m app key create --name x"


def test_any_other_interpreter_is_named_in_full_as_a_shell_reads_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "my env" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command("link") == f"'{tmp_path}/my env/python' -m app link"
