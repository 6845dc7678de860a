"""Patterns of paths, against what git itself says of them."""

import subprocess
import time
from pathlib import Path

import pytest

from maestro.globs import Selection, glob

KEYS = [
    "a",
    "a.txt",
    "a/b",
    "a/b.txt",
    "a/b/c.txt",
    "b/a/c",
    "b/a.txt",
    "tmp/x",
    "x/tmp/y",
    "x/tmp",
    "x y/z",
    "éé.txt",
    "a*b",
    "a/x/y/b",
    "[c]",
    "d1",
    "d2/e",
    "-",
]
PATTERNS = [
    "*.txt",
    "/*.txt",
    "a",
    "/a",
    "a/",
    "/a/",
    "a/b",
    "a/*",
    "a/**",
    "**/a",
    "**/a/c",
    "a/**/b",
    "tmp",
    "tmp/",
    "?",
    "?.txt",
    "d[12]",
    "d[!1]",
    "d[^1]",
    "d[0-1]",
    "a\\*b",
    "\\[c]",
    "*",
    "**",
    "x y/*",
    "b/*/c",
    "*a*",
    "[a-]",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_meets_what_git_ignores_by_it(pattern: str, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text(f"{pattern}\n")
    asked = subprocess.run(
        ["git", "-C", tmp_path, "check-ignore", "--no-index", "--stdin", "-z"],
        input="\0".join(KEYS),
        capture_output=True,
        text=True,
        check=False,
    )
    assert [key for key in KEYS if glob(pattern).matches(key.split("/"))] == asked.stdout.split("\0")[:-1]


@pytest.mark.parametrize("pattern", ["", "/", "a//b", "!a", "[z-a]", "x" * 1001])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"has|begins"):
        glob(pattern)


def test_a_key_is_meant_when_it_is_included_and_not_excluded() -> None:
    selection = Selection.of(["*.txt", "/data/"], ["tmp/"])
    assert [key for key in ("a.txt", "data/x", "tmp/a.txt", "data/tmp/x", "b.bin") if selection.has(key)] == [
        "a.txt",
        "data/x",
    ]


def test_no_pattern_takes_long() -> None:
    began = time.monotonic()
    assert not glob("*a" * 400 + "b").matches(["a" * 900])
    assert not glob("/".join(["**", "a"] * 190) + "/b").matches(["a"] * 400)
    assert time.monotonic() - began < 30
