"""The report a run keeps on how its model did: a picture, Markdown, JSON, and a page of HTML where it is shown."""

from html import escape
from typing import Any

import numpy as np
import orjson
from sklearn.metrics import classification_report
from sklearn.metrics import confusion_matrix as count_confusions

from ops.demo.train.data import Dataset, Part
from ops.demo.train.metrics import score
from ops.demo.train.plots import confusion_matrix, predicted_against_true
from ops.demo.train.runs import RunRecorder

HEAD = ("class", "precision", "recall", "f1", "rows")


def report(run: RunRecorder, model: Any, data: Dataset, *, part: str = "val") -> None:
    """Keep a report on one part of the data as a version of the experiment's report artifact."""
    rows: Part = getattr(data, part)
    files = _classification(run, model, data, rows=rows) if data.classes else _regression(run, model, data, rows=rows)
    name = f"{run.experiment.id}-report"
    run.save(name, "report", files, description=f"{run.name}, on {len(rows.y)} {part} rows")


def _classification(run: RunRecorder, model: Any, data: Dataset, *, rows: Part) -> dict[str, bytes]:
    predicted, labels = np.asarray(model.predict_proba(rows.x)).argmax(axis=1), np.arange(len(data.classes))
    accuracy = f"accuracy {(predicted == rows.y).mean():.1%} on {len(rows.y)} rows"
    result = classification_report(
        rows.y, predicted, labels=labels, target_names=data.classes, output_dict=True, zero_division=0
    )
    lines = [
        (
            name,
            *(f"{result[name][key]:.3f}" for key in ("precision", "recall", "f1-score")),
            f"{result[name]['support']:g}",
        )
        for name in data.classes
    ]
    counts = count_confusions(rows.y, predicted, labels=labels)
    files = {
        "confusion_matrix.png": confusion_matrix(counts, data.classes, title=run.name, subtitle=accuracy),
        "report.json": orjson.dumps(result | {"confusion": counts.tolist()}),
        "report.md": _markdown(run.name, accuracy, lines),
    }
    return files | ({"report.html": _page(run.name, accuracy, lines)} if run.kind == "EVALUATION" else {})


def _regression(run: RunRecorder, model: Any, data: Dataset, *, rows: Part) -> dict[str, bytes]:
    scores = score(model, rows, data)
    summary = f"R² {scores['r2']:.3f}, error {scores['rmse']:.1f} points on {len(rows.y)} rows"
    text = "\n".join(f"| {key} | {value:.4f} |" for key, value in scores.items())
    return {
        "predictions.png": predicted_against_true(model.predict(rows.x), rows.y, title=run.name, subtitle=summary),
        "report.json": orjson.dumps(scores),
        "report.md": f"# {run.name}\n\n{summary}\n\n| metric | value |\n|---|---:|\n{text}\n".encode(),
    }


def _markdown(title: str, summary: str, lines: list[tuple[str, ...]]) -> bytes:
    text = "\n".join(f"| {' | '.join(line)} |" for line in (HEAD, ("---", *["---:"] * 4), *lines))
    return f"# {title}\n\n{summary}\n\n{text}\n".encode()


def _page(title: str, summary: str, lines: list[tuple[str, ...]]) -> bytes:
    head, *body = (
        "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in line) + "</tr>"
        for tag, line in (("th", HEAD), *(("td", line) for line in lines))
    )
    style = "body{font:15px system-ui;margin:2rem;color:#1b2540}td,th{padding:.3rem 1rem;text-align:right}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{style}</style>'
        f"<h1>{escape(title)}</h1><p>{escape(summary)}</p>"
        f"<table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table></html>\n"
    ).encode()
