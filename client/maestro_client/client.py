"""The way in: a client knows a server and a key, and begins runs."""

import atexit
import os
import sys
import tempfile
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypedDict
from weakref import WeakSet

from maestro_client import facts, values
from maestro_client.dispatch import Beginning, Dispatch
from maestro_client.ending import end_by
from maestro_client.errors import TrackingError
from maestro_client.runs import Run
from maestro_client.safely import attempt
from maestro_client.wire import Key, Line

URL: Final = "http://127.0.0.1:8000"
UNSENT: Final = "maestro-unsent"
LONGEST_NAME: Final = 200


class About(TypedDict, total=False):
    """What is said of a run; all may be left out."""

    project: str
    """Its id, or its name: then it is made when it is missing. `MAESTRO_PROJECT` unless given, or `Default`."""
    experiment: str
    """Its id, or its name, which may begin with its folder, like `/vision/mlp`. `MAESTRO_EXPERIMENT` unless given."""
    name: str
    """The name of the run; the server numbers it unless it is given."""
    tags: Mapping[str, Any]
    params: Mapping[str, Any]
    notes: str
    """Something about it, in Markdown."""
    strict: bool
    """Whether what cannot be logged raises a TrackingError: a warning is given otherwise, and the training goes on."""


_GOING_ON: Final[WeakSet[Run]] = WeakSet()


class Client:
    """Begins runs on one server.

    `url` is `MAESTRO_URL` unless given, or `http://127.0.0.1:8000`; `key` is `MAESTRO_API_KEY`. The key is shown
    nowhere. What cannot be sent goes into the folder `unsent`, `MAESTRO_UNSENT_DIR` unless given, or `maestro-unsent`
    in the working folder.
    """

    def __init__(self, url: str | None = None, key: str | None = None, *, unsent: str | Path | None = None) -> None:
        self.url = url or os.environ.get("MAESTRO_URL") or URL
        known = key or os.environ.get("MAESTRO_API_KEY")
        self._key = Key(known) if known else None
        self._unsent = Path(unsent or os.environ.get("MAESTRO_UNSENT_DIR") or UNSENT)

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def line(self) -> Line:
        """Return a line to the server."""
        return Line(self.url, self._key)

    def run(self, about: About) -> Run:
        """Begin a run, in the background; TrackingError when it is strict and cannot be begun."""
        folder = attempt("The working folder is not there", Path.cwd) or Path(tempfile.gettempdir())
        begin = Beginning(_given(about), lambda: {"source": facts.source(folder), "environment": facts.environment()})
        dispatch = Dispatch(self.line(), begin, _writable(folder / self._unsent))
        run = Run(dispatch, is_strict=about.get("strict", False))
        _GOING_ON.add(run)
        if about.get("strict") and not run.flush():
            run.abandon()
            dispatch.close()
            raise TrackingError(
                f"The run cannot be begun on {self.url}.", hint="The warning that was logged before says why."
            )
        return run


def _given(about: About) -> Mapping[str, Any]:
    given: dict[str, Any] = {"startedAt": datetime.now(UTC).isoformat()}
    if name := about.get("name"):
        given["name"] = str(name)[:LONGEST_NAME]
    if notes := about.get("notes"):
        given["notes"] = str(notes)
    for member, read in (("params", values.params), ("tags", values.tags)):
        found = attempt(f"The {member} are left out", lambda read=read, member=member: read(about.get(member) or {}))  # type: ignore[misc] # bound at once
        if found:
            given[member] = found
    return {
        "project": str(about.get("project") or os.environ.get("MAESTRO_PROJECT") or "Default"),
        "experiment": str(about.get("experiment") or os.environ.get("MAESTRO_EXPERIMENT") or "Default"),
        "key": uuid.uuid4().hex,
        "input": given,
    }


def _writable(folder: Path) -> Path:
    """Return a folder, or one for temporary files where that cannot be written."""
    near = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return folder if os.access(near, os.W_OK) else Path(tempfile.gettempdir()) / UNSENT


def _end_all() -> None:
    """End the runs that nobody has ended before the process does."""
    end = end_by(getattr(sys, "last_value", None))
    for run in list(_GOING_ON):
        attempt("A run was not ended", lambda run=run: run.end(end.status, end.reason))  # type: ignore[misc] # bound at once


def _abandon_all() -> None:
    for run in list(_GOING_ON):
        run.abandon()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)
