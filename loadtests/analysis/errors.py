"""What went wrong: by class, transport and operation."""

from typing import Final

import pandas as pd

REFUSALS: Final = frozenset({"RATE_LIMITED"})
"""What a server says to who asks for too much: no failure of it."""


def taxonomy(lines: pd.DataFrame) -> list[dict[str, object]]:
    """Return each class of error by transport, with how many there were, of what, and since when; the most first."""
    failed = lines[lines.error != ""]
    found = [
        {
            "error": error,
            "via": via,
            "status": int(status),
            "count": len(group),
            "operations": ", ".join(group.name.value_counts().index[:3]),
            "first_s": round(float(group["at"].min()), 1),
            "phases": ", ".join(dict.fromkeys(group.phase)),
        }
        for (error, via, status), group in failed.groupby(["error", "via", "status"])
    ]
    return sorted(found, key=lambda one: (-int(str(one["count"])), str(one["error"])))


def failures(lines: pd.DataFrame) -> int:
    """Return how many went wrong that were no refusals."""
    return int(((lines.error != "") & ~lines.error.isin(REFUSALS)).sum())


def hits(lines: pd.DataFrame) -> list[dict[str, object]]:
    """Return for each operation whose answers may be kept how many were; the whole of them comes last."""
    known = lines[lines.cache != ""]
    found = [_hits(str(name), group) for name, group in known.groupby("name")]
    return [*found, _hits("all of them", known)] if found else []


def _hits(name: str, lines: pd.DataFrame) -> dict[str, object]:
    count = int((lines.cache == "hit").sum())
    return {"name": name, "answers": len(lines), "hits": count, "rate": 100 * count / len(lines)}
