"""The file into which goes what cannot be sent: a line of JSON for the beginning of a run, and one for each entry."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from maestro_client.courier import Entry
from maestro_client.errors import TrackingError

FORM: Final = 1
PRIVATE: Final = 0o600


class Journal:
    """Entries of one run in a file, in the order in which they were made; read again from its start."""

    def __init__(self, path: Path, begin: Callable[[], Mapping[str, Any]]) -> None:
        self.path = path
        self._begin = begin
        self._read_to = 0
        self._end = 0
        self._told: str | None = None

    @property
    def has_unread(self) -> bool:
        """Whether something was written that `next` has not returned."""
        return self._read_to < self._end

    def tell(self, run_id: str | None) -> None:
        """Write down which run it is, once that is known; OSError."""
        if run_id is not None and self._told is None and self._end:
            self._told = run_id
            self.append({"kind": "run", "id": run_id})

    def append(self, *entries: Entry) -> None:
        """Write entries; the file is made with the first; OSError."""
        lines = [json.dumps(entry) + "\n" for entry in entries]
        if not self._end:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(PRIVATE)
            first = json.dumps({"maestro": FORM, "begin": self._begin()}) + "\n"
            self._read_to = len(first)
            lines.insert(0, first)
        with self.path.open("ab") as file:
            file.write("".join(lines).encode())
            self._end = file.tell()

    def skip(self) -> None:
        """Take all that was written as read."""
        self._read_to = self._end

    def next(self) -> Entry | None:
        """Return the first entry that was not read; OSError."""
        with self.path.open("rb") as file:
            file.seek(self._read_to)
            for line in file:
                self._read_to += len(line)
                entry: Entry = json.loads(line)
                if entry["kind"] != "run":
                    return entry
        return None

    def remove(self) -> None:
        """Remove the file."""
        if self._end:
            self.path.unlink(missing_ok=True)
        self._read_to = self._end = 0
        self._told = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What a journal says of its run."""

    begin: dict[str, Any]
    run_id: str | None


def opened(path: Path) -> tuple[Kept, Iterator[Entry]]:
    """Return the run of a journal, and its entries; TrackingError when it is none, OSError."""
    run_id = None
    with path.open("rb") as file:
        first = _line(file.readline())
        if first.get("maestro") != FORM:
            raise TrackingError(f"{path} holds nothing that this version can send.")
        for line in file:
            entry = _line(line)
            run_id = entry["id"] if entry.get("kind") == "run" else run_id
    return Kept(first["begin"], run_id), _entries(path)


def _entries(path: Path) -> Iterator[Entry]:
    with path.open("rb") as file:
        file.readline()
        for line in file:
            entry = _line(line)
            if entry.get("kind") in ("batch", "files", "end"):
                yield entry


def _line(line: bytes) -> dict[str, Any]:
    # The last line of a process that was killed may be a part of one.
    try:
        content = json.loads(line)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
