"""A report as one page of HTML, which needs nothing beside itself."""

from html import escape
from typing import Any, Final

from loadtests.report.tables import Table, tables_of
from loadtests.report.words import findings

STYLE: Final = """
:root { color-scheme: light; }
body { margin: 0; background: #f3f4f6; color: #1f2937; font: 15px/1.5 system-ui, "Segoe UI", sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 28px 24px 60px; }
header { display: flex; align-items: baseline; gap: 16px; flex-wrap: wrap; }
h1 { font-size: 26px; margin: 0; } h2 { font-size: 17px; margin: 0 0 8px; }
.facts { color: #6b7280; margin: 4px 0 18px; }
.badge { border-radius: 999px; padding: 3px 14px; font-weight: 600; font-size: 14px; }
.reached { background: #d1fae5; color: #065f46; } .missed { background: #fee2e2; color: #991b1b; }
section { background: #fff; border: 1px solid #e5e7eb; border-radius: 10px; padding: 18px 20px; margin: 0 0 16px; }
section.findings { background: #eff6ff; border-color: #bfdbfe; } .findings ul { margin: 0; padding-left: 20px; }
.note { color: #6b7280; font-size: 13.5px; margin: 0 0 10px; max-width: 860px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13.5px; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: right; color: #6b7280; font-weight: 600; border-bottom: 1px solid #d1d5db; padding: 4px 8px; }
td { text-align: right; border-bottom: 1px solid #f3f4f6; padding: 4px 8px; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: normal; }
td.text, th.text { text-align: left; white-space: normal; }
td .badge { font-size: 12px; padding: 1px 10px; }
svg { width: 100%; height: auto; display: block; }
"""
TEXTS: Final = frozenset({"by", "mostly", "in phases", "limit"})
"""Columns of words."""
BACKGROUND: Final = "In the plots over time, the phase that is judged has a blue background."
BADGES: Final = frozenset({"reached", "missed"})


def page(summary: dict[str, Any], plots: list[tuple[str, str]]) -> str:
    """Return the page."""
    objectives, measured, *others = tables_of(summary)
    title = f"Load test: {summary['run']['title']}"
    parts = [
        _header(summary, title),
        _table(objectives),
        _findings(summary),
        *(f"<section><h2>{escape(name)}</h2>{svg}</section>" for name, svg in plots),
        f'<p class="note">{BACKGROUND}</p>' if plots else "",
        _table(measured),
        *(_table(table) for table in others),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def facts(summary: dict[str, Any]) -> str:
    """Return what was run, when and on what, in a line."""
    run = summary["run"]
    form = "short form" if run["is_short"] else "long form"
    server = (
        f"organisations of {run['runs']:,} runs: {run['organizations']}"
        if run["is_own_server"]
        else "a server that ran already"
    )
    return (
        f"{run['at']} · {form} · {run['users']:,} users, {run['listeners']} listeners · {server} · "
        f"{run['cores']} cores · Maestro ML {run['version']}, Python {run['python']}, Locust {run['locust']}"
    )


def _header(summary: dict[str, Any], title: str) -> str:
    mark = "reached" if summary["is_reached"] else "missed"
    told = "all objectives reached" if summary["is_reached"] else "objectives missed"
    badge = f'<span class="badge {mark}">{told}</span>'
    return f'<header><h1>{escape(title)}</h1>{badge}</header><p class="facts">{escape(facts(summary))}</p>'


def _findings(summary: dict[str, Any]) -> str:
    items = "".join(f"<li>{escape(one)}</li>" for one in findings(summary))
    return f'<section class="findings"><ul>{items}</ul></section>'


def _table(table: Table) -> str:
    head = "".join(f"<th{_class(column)}>{escape(column)}</th>" for column in table.columns)
    rows = "".join(
        f"<tr>{''.join(_cell(column, text) for column, text in zip(table.columns, row, strict=True))}</tr>"
        for row in table.rows
    )
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<section><h2>{escape(table.title)}</h2>{note}<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></section>"
    )


def _class(column: str) -> str:
    return ' class="text"' if column in TEXTS else ""


def _cell(column: str, text: str) -> str:
    inner = f'<span class="badge {text}">{text}</span>' if text in BADGES else escape(text)
    return f"<td{_class(column)}>{inner}</td>"
