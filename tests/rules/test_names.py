import importlib.util
from pathlib import Path

import pytest

from tests.rules.sources import FILES, MODULES, PACKAGES, ROOT

SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}


def test_no_module_or_folder_has_a_name_that_says_nothing() -> None:
    named = {name: {part.lower() for part in Path(name).with_suffix("").parts} for name in FILES}
    bundled = "app/static/graphiql/"
    assert [name for name, parts in named.items() if parts & SAYS_NOTHING and not name.startswith(bundled)] == []


def test_every_top_level_package_of_the_rules_is_one_of_the_tree() -> None:
    assert {module.package for module in MODULES if "/" in module.name} - {"client", "tests", "loadtests", "docs"} == {
        *PACKAGES
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_a_top_level_name_resolves_to_our_package_and_not_to_an_installed_one(package: str) -> None:
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin == str(ROOT / package / "__init__.py")
