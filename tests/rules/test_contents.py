import json
import re

import pytest

from tests.rules.sources import FILES, ROOT

GENERATED = ("app/static/graphiql/",)
OURS = [name for name in FILES if not name.startswith((*GENERATED, "tests/rules/"))]
ABSOLUTE_PATH = re.compile(r"(?<![\w.:/}~-])/(home|root|work|Users|mnt|srv|opt)/\w|\b[A-Z]:\\Users\\")
INDEX_ADDRESS = re.compile(r"--(extra-)?index-url|pythonhosted\.org|pypi\.org/simple|registry\.npmjs\.org|_authToken")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}"
        for name in OURS
        for number, line in enumerate((ROOT / name).read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_holds_a_path_of_a_machine() -> None:
    assert lines_with(ABSOLUTE_PATH) == []


def test_no_file_holds_the_address_of_a_package_index() -> None:
    assert lines_with(INDEX_ADDRESS) == []


def test_no_file_says_that_something_is_unfinished() -> None:
    assert lines_with(UNFINISHED) == []


@pytest.mark.parametrize(
    ("pattern", "bad", "good"),
    [
        (ABSOLUTE_PATH, 'open("/home/somebody/x")', "https://example.org/home/x"),
        (INDEX_ADDRESS, "--index-url=x", "--no-emit-index-url"),
        (UNFINISHED, "# TODO: later", "mastodon"),
    ],
)
def test_the_patterns_tell_bad_from_good(pattern: re.Pattern[str], bad: str, good: str) -> None:
    assert pattern.search(bad)
    assert not pattern.search(good)


@pytest.mark.parametrize("folder", ["app/graphiql", "loadtests/peers/node", "tests/clients", "tests/emulators/azurite"])
def test_a_lock_file_of_npm_names_no_registry_and_proves_every_package(folder: str) -> None:
    packages = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]
    fetched = {name: package for name, package in packages.items() if name and not package.get("link")}
    assert len(fetched) > 50
    assert [name for name, package in fetched.items() if "resolved" in package] == []
    assert [name for name, package in fetched.items() if not package.get("integrity", "").startswith("sha512-")] == []
