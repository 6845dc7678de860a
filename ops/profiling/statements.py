"""The statements of one operation: how long each took, and how PostgreSQL goes about it.

Values never get into it. Arguments are not kept; what stands as a value in a statement or a plan becomes a question
mark, as PostgreSQL's own statistics of statements have it.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from maestro.db.engine import Database
from maestro.db.rows import StatementFailed
from maestro.effort import Binding, Effort

MOST_STATEMENTS: Final = 200
MOST_EXPLAINED: Final = 50
LONGEST_S: Final = 30
MS: Final = 1e3
_BIND: Final = """
    SELECT set_config('role', $1, true), set_config('maestro.organization', $2, true),
        set_config('maestro.projects', $3, true), set_config('statement_timeout', $4, true)
"""
_READS: Final = re.compile(r"\s*(?:SELECT|WITH)\b", re.IGNORECASE)
_TEXT: Final = re.compile(r"(?:\bE)?'(?:[^']|'')*'")
_NUMBER: Final = re.compile(r"(?<![\w$.\"])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?\b", re.IGNORECASE)
_NAMES: Final = frozenset(
    {
        *("Node Type", "Parent Relationship", "Strategy", "Partial Mode", "Operation", "Relation Name", "Schema"),
        *("Alias", "Index Name", "Scan Direction", "Join Type", "Sort Method", "Sort Space Type", "CTE Name"),
        *("Subplan Name", "Function Name", "Command", "Cache Mode"),
    }
)
"""What of a plan names things; everything else that is text may hold values."""


@dataclass(frozen=True, slots=True)
class _Run:
    sql: str
    values: Sequence[Any] = field(repr=False)
    binding: Binding = field(repr=False)
    rows: int
    seconds: float
    by: str


@dataclass(slots=True)
class Recording(Effort):
    """The statements of an operation, in their order."""

    is_recording: ClassVar[bool] = True
    runs: list[_Run] = field(default_factory=list)

    def ran(self, sql: str, values: Sequence[Any], *, rows: int, seconds: float, binding: Binding) -> None:
        """Count a statement, and keep it."""
        Effort.ran(self, sql, values, rows=rows, seconds=seconds, binding=binding)
        if len(self.runs) < MOST_STATEMENTS:
            self.runs.append(_Run(sql, values, binding, rows, seconds, _caller()))


def _caller() -> str:
    """Return who asks: the method of a loader, or the first function outside of the kernel."""
    frame: Any = sys._getframe(1)  # noqa: SLF001 -- there is no other way to the frames of a coroutine
    first = ""
    while frame is not None:
        module, name = str(frame.f_globals.get("__name__", "")), frame.f_code.co_name
        if not first and not module.startswith(("maestro.", __name__)):
            first = f"{module}:{name}"
        if module.startswith("dataloaders.") and "self" in frame.f_locals:
            return f"{type(frame.f_locals['self']).__name__}.{name}"
        frame = frame.f_back
    return first


async def explained(db: Database, recording: Recording) -> list[dict[str, Any]]:
    """Return the statements of an operation with their plans, each run once more as it was, and rolled back.

    By name: `number`, `by`, `sql`, `rows`, `ms`, `plan` with what PostgreSQL tells, and `buffers`; `unexplained` says
    why there is no plan.
    """
    found = []
    for number, run in enumerate(recording.runs, start=1):
        told = await _plan(db, run) if number <= MOST_EXPLAINED else {"unexplained": "There are too many."}
        about = {"number": number, "by": run.by, "sql": masked(run.sql), "rows": run.rows}
        found.append({**about, "ms": round(run.seconds * MS, 3), **told})
    return found


async def _plan(db: Database, run: _Run) -> dict[str, Any]:
    if not _READS.match(run.sql):
        return {"unexplained": "It does not read."}
    async with db.driver() as connection:
        within = connection.transaction(readonly=True)
        await within.start()
        try:
            await connection.fetch(_BIND, *run.binding, f"{LONGEST_S}s")
            rows = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {run.sql}", *run.values)
        except StatementFailed as error:
            # Its message may hold values.
            return {"unexplained": f"PostgreSQL has refused it, with SQLSTATE {getattr(error, 'sqlstate', 'unknown')}."}
        finally:
            await within.rollback()
    (whole,) = rows[0][0]
    return {"plan": without_values(whole), "buffers": _buffers(whole["Plan"])}


def _buffers(plan: Mapping[str, Any]) -> dict[str, int]:
    """Return the pages of 8 KiB that a plan touches, found in memory and read."""
    return {"hit": int(plan.get("Shared Hit Blocks", 0)), "read": int(plan.get("Shared Read Blocks", 0))}


def masked(text: str) -> str:
    """Return SQL, or a part of it, with question marks in the place of values; placeholders and names stay."""
    return _NUMBER.sub("?", _TEXT.sub("?", text))


def without_values(plan: Any, *, is_name: bool = False) -> Any:
    """Return a plan without the values that stand in its conditions."""
    match plan:
        case Mapping():
            return {name: without_values(value, is_name=name in _NAMES) for name, value in plan.items()}
        case str():
            return plan if is_name else masked(plan)
        case list() | tuple():
            return [without_values(one) for one in plan]
        case _:
            return plan


def as_text(told: str, statements: Sequence[Mapping[str, Any]]) -> str:
    """Return the statements as people read them."""
    parts = [told, ""]
    for one in statements:
        buffers = one.get("buffers")
        pages = "" if buffers is None else f", {buffers['hit']:,} pages in memory, {buffers['read']:,} read"
        parts.append(f"{one['number']}. {one['by']}: {one['ms']:.3f} ms, {one['rows']:,} rows{pages}")
        parts += [f"     {line.strip()}" for line in one["sql"].strip().splitlines()]
        parts += (
            [f"   {line}" for line in _lines(one["plan"]["Plan"])] if "plan" in one else [f"   {one['unexplained']}"]
        )
        parts.append("")
    return "\n".join(parts)


def _lines(node: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    on = " ".join(str(node[name]) for name in ("Index Name", "Relation Name", "CTE Name") if name in node)
    numbers = (
        f"{node.get('Actual Total Time', 0):.3f} ms, {node.get('Actual Rows', 0):,g} rows"
        f"{f', {loops:,} times' if (loops := node.get('Actual Loops', 1)) != 1 else ''}"
        f", {node.get('Shared Hit Blocks', 0):,}+{node.get('Shared Read Blocks', 0):,} pages"
    )
    yield f"{'  ' * depth}-> {node['Node Type']}{f' on {on}' if on else ''} ({numbers})"
    for name in ("Index Cond", "Hash Cond", "Merge Cond", "Recheck Cond", "Join Filter", "Filter"):
        if name in node:
            yield f"{'  ' * depth}     {name}: {node[name]}"
    for child in node.get("Plans", ()):
        yield from _lines(child, depth + 1)
