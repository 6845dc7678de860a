"""The documents tell the truth: their examples fit the code, their links lead somewhere, their commands exist."""

import ast
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import click
import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, parse, validate
from graphql.execution.values import get_variable_values

from app.cli import main
from app.cli.persist import DefaultsToAdd
from dataloaders.runs import RUNS
from loadtests.figures.results import Figure
from maestro.db.engine import Database
from maestro.db.roles import LEAKPROOF
from maestro.filters import parse as parse_filter
from maestro.settings import Settings
from schema import schema

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ADR = DOCS / "adr"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
HEADINGS = ["## Context", "## Decision", "## Consequences", "## Alternatives"]
FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
DATA = r"(-d|--data) '{"
CHECKED = ("filter", "graphql", "js", "json", "python", "sh", "sql")
"""What is read or run; blocks for Node are run by `tests/app/test_document_clients.py`."""
SHOWN = ("ini", "nginx", "text")
"""What other programs read, which are not there, and what is printed: the names of our settings in it are checked."""
OF_THE_CLIENT = set(
    re.findall(r'environ\.get\("(MAESTRO_\w+)"\)', (ROOT / "client/maestro_client/client.py").read_text())
)
COMMAND = re.compile(r"python -m app(?: (?P<words>[^`\n|]*))?")


@dataclass(frozen=True)
class Block:
    """A fenced block, and the one before it on the page."""

    page: str
    line: int
    language: str
    text: str
    before: "Block | None"

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: Path) -> Iterator[Block]:
    text, before = page.read_text(encoding="utf-8"), None
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        before = Block(str(page.relative_to(ROOT)), line, found["language"], found["text"], before)
        yield before


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def written_in(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def each(blocks: list[Block]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", blocks, ids=str)


def graphql_schema() -> GraphQLSchema:
    return schema._schema


def assert_valid(document: str) -> None:
    assert [error.message for error in validate(graphql_schema(), parse(document))] == []


def assert_fits(document: str, variables: dict[str, object]) -> None:
    """Assert that the variables can be given to the only operation of a document."""
    (operation,) = parse(document).definitions
    assert isinstance(operation, OperationDefinitionNode)
    outcome = get_variable_values(graphql_schema(), operation.variable_definitions or (), variables)
    assert not isinstance(outcome, list), [error.message for error in outcome]


@pytest.mark.parametrize("language", CHECKED)
def test_every_kind_of_example_is_found(language: str) -> None:
    assert written_in(language)


@each(BLOCKS)
def test_a_block_names_a_known_language(block: Block) -> None:
    assert block.language in (*CHECKED, *SHOWN)


@each(written_in("graphql"))
def test_graphql_fits_the_schema(block: Block) -> None:
    assert_valid(block.text)


@each(written_in("json"))
def test_json_can_be_read_and_fits_the_operation_before_it(block: Block) -> None:
    content = json.loads(block.text)
    if block.before is not None and block.before.language == "graphql" and "$" in block.before.text:
        assert_fits(block.before.text, content)


@each(written_in("filter"))
def test_each_line_of_a_filter_block_is_a_filter_of_runs(block: Block) -> None:
    for line in block.text.splitlines():
        parse_filter(line, RUNS.vocabulary)


@each(written_in("python"))
def test_python_compiles_and_its_operations_fit_the_schema(block: Block) -> None:
    compile(block.text, str(block), "exec")
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.Constant) and re.match(r"\s*(query|mutation|subscription) ", str(node.value)):
            assert_valid(str(node.value))


@each(written_in("sql"))
async def test_sql_is_what_a_superuser_can_run(block: Block, db: Database) -> None:
    async with db.driver() as connection:
        undone = connection.transaction()
        await undone.start()
        await connection.execute(block.text)
        await undone.rollback()


def test_the_guide_to_operations_has_the_functions_that_a_migration_marks_leakproof() -> None:
    guide = (DOCS / "guides" / "operations.md").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^ALTER FUNCTION pg_catalog\.(.*) LEAKPROOF;$", guide, re.MULTILINE)) == LEAKPROOF


@each([block for block in written_in("sh") if re.search(DATA, block.text)])
def test_bodies_in_shell_commands_fit_the_schema(block: Block) -> None:
    words = shlex.split(block.text)
    for option, word in pairwise(words):
        if option in ("-d", "--data"):
            body = json.loads(word)
            assert_valid(body["query"])
            assert_fits(body["query"], body.get("variables", {}))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_to_files_and_headings(page: Path) -> None:
    for link in LINK.finditer(FENCE.sub("", page.read_text(encoding="utf-8"))):
        target, _, anchor = link["target"].partition("#")
        if ":" in target:
            continue
        reached = page.parent / target if target else page
        assert reached.exists(), link["target"]
        if anchor:
            assert anchor in anchors_of(reached), link["target"]


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_their_options_exist(page: Path) -> None:
    for command in COMMAND.finditer(page.read_text(encoding="utf-8")):
        assert_command(re.sub(r"\s#.*", "", command["words"] or ""))


def assert_command(line: str) -> None:
    """Assert that each word is a command of the one before, and each option one of the last command."""
    command: click.Command = main
    for word in line.split():
        name = word.rstrip(".,;:)…").partition("=")[0]
        if isinstance(command, DefaultsToAdd) and name not in command.commands:
            command = command.commands["add"]
        if name.startswith("-") and not command.context_settings.get("ignore_unknown_options"):
            known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
            assert name in known | {"-h", "--help"}, line
        elif isinstance(command, click.Group) and re.fullmatch(r"[a-z-]+", name):
            found = command.get_command(click.Context(command), name)
            assert found is not None, line
            command = found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_that_a_page_names_exist(page: Path) -> None:
    named = set(re.findall(r"MAESTRO_[A-Z0-9_]*[A-Z]", page.read_text(encoding="utf-8")))
    assert named <= {f"MAESTRO_{name.upper()}" for name in Settings.model_fields} | OF_THE_CLIENT


def test_every_field_of_runs_is_in_the_guide_to_filters() -> None:
    guide = (DOCS / "guides" / "filters.md").read_text(encoding="utf-8")
    _, _, listed = guide.partition("## What each list knows")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", listed, re.MULTILINE)
    assert rows == [(name, field.type.value) for name, field in RUNS.vocabulary.fields.items()]


@pytest.mark.parametrize("page", sorted(ADR.glob("[0-9]*.md")), ids=lambda page: page.stem)
def test_a_decision_is_in_the_index_and_has_every_part(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    head = re.match(r"# (?P<number>\d+)\. (?P<title>.*)\n\n\*\*Status:\*\* (?P<status>.*)\n", text)
    assert head is not None
    number = f"{int(head['number']):04}"
    assert page.name.startswith(f"{number}-")
    row = f"| {number} | [{head['title']}]({page.name}) | {head['status']} |\n"
    assert row in (ADR / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^## .*$", text, re.MULTILINE) == HEADINGS


def test_every_top_folder_with_code_is_in_the_tree_and_nothing_else() -> None:
    _, _, rest = (DOCS / "architecture.md").read_text(encoding="utf-8").partition("## The tree")
    drawn = set(re.findall(r"^(\w+)/ ", rest.partition("## ")[0], re.MULTILINE))
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages | {"client", "deploy", "docs", "requirements", "tests"} == drawn


def figures_that_are_printed() -> Iterator[tuple[re.Pattern[str], str]]:
    """The name and the goal of each figure that the commands print; what is filled into a name may be anything."""
    for path in sorted((ROOT / "loadtests" / "figures").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Figure":
                goals = {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords if keyword.arg}
                figure = Figure("", 0, ast.literal_eval(node.args[2]), **goals)
                yield re.compile(name_of(node.args[0])), figure.goal.strip()


def name_of(argument: ast.expr) -> str:
    parts = argument.values if isinstance(argument, ast.JoinedStr) else [argument]
    texts = [re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in parts]
    return "".join(texts).removeprefix(re.escape("  "))


def test_the_page_of_figures_has_those_that_are_printed_with_their_goals() -> None:
    page = (DOCS / "performance.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| [\d.,]+[^|]* \|(?: (.+) )?\|$", page.replace("| |", "||"), re.MULTILINE)
    printed = list(figures_that_are_printed())
    for name, goal in rows:
        assert [told for form, told in printed if form.fullmatch(name)] == [goal], name
    for form, _ in printed:
        assert any(form.fullmatch(name) for name, _ in rows), form.pattern


def test_every_guide_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\(guides/([\w-]+\.md)\)", index))
    assert linked == {page.name for page in (DOCS / "guides").glob("*.md")}
