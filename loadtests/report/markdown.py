"""A report as Markdown: the same tables, without the plots."""

from typing import Any

from loadtests.report.page import facts
from loadtests.report.tables import Table, tables_of
from loadtests.report.words import findings


def markdown(summary: dict[str, Any]) -> str:
    """Return the report."""
    verdict = "All objectives are reached." if summary["is_reached"] else "**Objectives are missed.**"
    objectives, *others = tables_of(summary)
    parts = [
        f"# Load test: {summary['run']['title']}",
        f"{facts(summary)}.",
        verdict,
        _table(objectives),
        "\n".join(f"- {one}" for one in findings(summary)),
        *(
            f"## {table.title}\n\n{f'{table.note}{chr(10) * 2}' if table.note else ''}{_table(table)}"
            for table in others
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _table(table: Table) -> str:
    lines = [table.columns, tuple("---" for _ in table.columns), *table.rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
