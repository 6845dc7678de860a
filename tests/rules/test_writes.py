"""What answers are made of is written in transactions alone: they count its versions up, a bare statement does not."""

import ast
import re
from collections.abc import Iterator

import pytest

from maestro.cache import TAGS
from tests.rules.sources import MODULES

WRITE = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM|TRUNCATE)\s+(?:ONLY\s+)?\"?(\w+)", re.IGNORECASE)
TAGGED = {table.__tablename__ for table in TAGS}
READING = ("fetch", "fetch_sql")


def texts(tree: ast.Module) -> dict[str, str]:
    """The texts of a module's constants by their names; what is filled into one is left out."""
    return {
        target.id: said(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }


def said(value: ast.expr) -> str:
    return " ".join(
        node.value for node in ast.walk(value) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def bare_writes(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The lines on which a database, and no transaction, is given a statement that writes, with the table."""
    known = texts(tree)
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READING):
            continue
        if not ast.unparse(node.func.value).endswith("db") or not node.args:
            continue
        given = node.args[0]
        text = known.get(given.id, "") if isinstance(given, ast.Name) else said(given)
        yield from ((node.lineno, table) for table in WRITE.findall(text) if table in TAGGED)


def test_nothing_that_answers_are_made_of_is_written_without_a_transaction() -> None:
    ours = [module for module in MODULES if module.package not in {"tests", "loadtests"}]
    assert len(ours) > 300
    assert [f"{one.name}:{line} {table}" for one in ours for line, table in bare_writes(one.tree)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('SQL = "UPDATE run SET a = 1"\nasync def f(db): await db.fetch_sql(SQL)', ["run"]),
        ('async def f(self): await self._db.fetch_sql("WITH a AS (DELETE FROM project) SELECT 1")', ["project"]),
        ('async def f(db): await db.fetch_sql("UPDATE session SET a = 1")', []),
        ('async def f(tx): await tx.fetch_sql("UPDATE run SET a = 1")', []),
        ('async def f(db): await db.fetch_sql("SELECT 1 FROM run FOR UPDATE")', []),
    ],
)
def test_the_rule_tells_writes_from_reads(text: str, found: list[str]) -> None:
    assert [table for _, table in bare_writes(ast.parse(text))] == found
