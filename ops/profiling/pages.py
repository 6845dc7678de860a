"""Tables of a profile as a page of HTML that needs nothing else, and as Markdown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

_STYLE: Final = """
body { font: 14px/1.5 system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; color: #1f2937; background: #fbfbfc;
  margin: 2rem auto; max-width: 1150px; padding: 0 1.5rem; }
h1 { font-size: 1.4rem; margin-bottom: .2rem; } h2 { font-size: 1.05rem; margin-top: 2rem; } p { color: #5b6570; }
table { border-collapse: collapse; width: 100%; } th { color: #5b6570; font-weight: 600; }
th, td { text-align: right; padding: .28rem .6rem; border-bottom: 1px solid #e6e9ed; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; font-family: ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono',
  monospace; font-size: 12.5px; white-space: normal; overflow-wrap: anywhere; }
th.n, td.n { text-align: left; }
.b { display: inline-block; height: .7em; margin-right: .6em; border-radius: 2px; background: #e8743b; }
"""
_WIDEST: Final = 160
"""The width of the longest bar, in points."""


def _plainly(value: Any) -> str:
    return f"{value}"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: which value it shows, and how."""

    key: str
    title: str
    measure: Callable[[Any], str] = _plainly
    has_bar: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with values by name."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Any]]


def page(title: str, told: str, tables: Sequence[Table]) -> str:
    """Return a page of tables, with bars where a column has them."""
    parts = "".join(f"<h2>{escape(table.title)}</h2>\n{_html(table)}" for table in tables)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n<p>{escape(told)}</p>\n{parts}</body></html>\n"
    )


def _html(table: Table) -> str:
    if not table.rows:
        return "<p>Nothing was seen.</p>\n"
    most = {one.key: max(float(row[one.key]) for row in table.rows) or 1.0 for one in table.columns if one.has_bar}
    head = "".join(f"<th{_kind(one)}>{escape(one.title)}</th>" for one in table.columns)
    lines = []
    for row in table.rows:
        cells = []
        for one in table.columns:
            width = max(_WIDEST * float(row[one.key]) / most[one.key], 0) if one.has_bar else 0
            bar = f'<span class="b" style="width:{width:.0f}px"></span>' if one.has_bar else ""
            cells.append(f"<td{_kind(one)}>{bar}{escape(one.measure(row[one.key]))}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>\n")
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{''.join(lines)}</tbody></table>\n"


def _kind(column: Column) -> str:
    return ' class="n"' if column.has_bar else ""


def markdown(table: Table) -> str:
    """Return a table as Markdown."""
    head = " | ".join(one.title for one in table.columns)
    rule = " | ".join("---" if place == 0 else "---:" for place in range(len(table.columns)))
    rows = (" | ".join(one.measure(row[one.key]).replace("|", "\\|") for one in table.columns) for row in table.rows)
    return "".join(f"| {line} |\n" for line in (head, rule, *rows))
