"""The generated pages are those of the code, and complete."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from app import reference
from app.cli import main
from maestro.settings import Settings

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "connectors", "dataloaders", "execution", "jobs", "maestro", "ops", "resolvers", "schema")


@pytest.mark.parametrize("name", reference.pages())
def test_a_generated_page_is_the_committed_one(name: str) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == reference.pages()[name]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_is_on_its_page_with_a_description(name: str) -> None:
    description = Settings.model_fields[name].description
    assert description
    assert f"| `MAESTRO_{name.upper()}` |" in reference.settings_page()
    assert f"| {description} |" in reference.settings_page()


@dataclass(frozen=True)
class Coded:
    """A class that gives itself an error code."""

    place: str
    code: str


def coded_classes() -> Iterator[Coded]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    yield from _codes_of(node, path)


def _codes_of(node: ast.ClassDef, path: Path) -> Iterator[Coded]:
    for statement in node.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        is_code = any(isinstance(target, ast.Name) and target.id == "code" for target in targets)
        value = getattr(statement, "value", None)
        if is_code and isinstance(value, ast.Constant):
            yield Coded(f"{path.relative_to(ROOT)}:{node.name}", str(value.value))


@pytest.mark.parametrize("coded", list(coded_classes()), ids=lambda coded: coded.place)
def test_an_error_code_has_a_cause_and_a_cure(coded: Coded) -> None:
    cures = {kind.code: cure for kind, cure in reference.CURES.items()}
    cures |= {code: cure for code, (_, cure) in reference.PROTOCOL.items()}
    assert cures[coded.code]


def test_codes_that_the_application_answers_by_itself_are_on_the_page() -> None:
    form = re.compile(
        r"[A-Z]+(_[A-Z]+)*_(FAILED|REQUEST|ERROR|LARGE|INPUT|TIMEOUT|TIMED_OUT)|UNAUTHENTICATED|FORBIDDEN"
    )
    answered = {
        node.value
        for path in sorted((ROOT / "app").glob("*.py"))
        if path.name != "reference.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and form.fullmatch(node.value)
    }
    assert {"BAD_REQUEST", "GRAPHQL_PARSE_FAILED"} <= answered
    assert answered <= set(re.findall(r"^\| `(\w+)` \|", reference.errors_page(), re.MULTILINE))


def test_comparing_the_pages_succeeds_in_silence() -> None:
    outcome = CliRunner().invoke(main, ["docs", "--check"])
    assert (outcome.exit_code, outcome.output) == (0, "")
