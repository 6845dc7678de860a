"""Carries to the server what belongs to one run: its beginning, batches, files, and its end; each once."""

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from maestro_client import operations, places
from maestro_client.errors import Refused
from maestro_client.safely import logger
from maestro_client.wire import Line

Entry = dict[str, Any]
"""What is sent at once, as JSON: `kind` is `batch`, `files` or `end`."""
CHUNK_BYTES: Final = 1024 * 1024
OF_THE_INPUT: Final = frozenset({"BAD_USER_INPUT", "PAYLOAD_TOO_LARGE"})
BARE: Final = frozenset({"experimentId", "startedAt"})
ENDS: Final = frozenset({"FINISHED", "FAILED", "KILLED"})


class Courier:
    """Knows a run by what it begins with; whatever it is given twice has one effect.

    Every method raises Away and Refused.
    """

    def __init__(self, line: Line, begin: Callable[[], Mapping[str, Any]], *, run_id: str | None = None) -> None:
        self._line = line
        self._begin = begin
        self._beginning = threading.Lock()
        self._project_id: str | None = None
        self._number: int | None = None
        self.run_id = run_id
        self.is_stop_requested = False
        self.told: set[str] = set()
        """The warnings that were given, each once."""
        self.progressed: Callable[[], None] = lambda: None
        """Is called whenever something has arrived."""

    def begin(self) -> str:
        """Make the run where it is not made yet, and return its id."""
        with self._beginning:
            if self.run_id is None:
                begin = self._begin()
                self._project_id, experiment = places.experiment(self._line, begin["project"], begin["experiment"])
                made = self._made({"experimentId": experiment, **begin["input"]}, begin["key"])
                self.run_id, self._number = made["id"], made["number"]
                self.progressed()
            return self.run_id

    def deliver(self, entry: Entry) -> None:
        """Send an entry."""
        run_id = self.begin()
        match entry["kind"]:
            case "batch":
                self._log(run_id, entry)
            case "files":
                self._upload(run_id, entry)
            case _:
                self._finish(run_id, entry)
        self.progressed()

    def beat(self) -> None:
        """Tell that the training lives."""
        told = self._line.ask(operations.BEAT, id=self.begin())["heartbeat"]
        self.is_stop_requested = told["stopRequestedAt"] is not None

    def close(self) -> None:
        """Let go of the line."""
        self._line.close()

    def _made(self, given: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        try:
            made = self._line.ask(operations.CREATE_RUN, input=given, key=key)["createRun"]
        except Refused as refused:
            if refused.code not in OF_THE_INPUT or given.keys() <= BARE:
                raise
            # A run without its tags is better than none.
            logger.warning("%s The run is made without what was said of it.", refused)
            return self._made({name: value for name, value in given.items() if name in BARE}, f"{key}-bare")
        run: Mapping[str, Any] = made["run"]
        return run

    def _log(self, run_id: str, entry: Entry) -> None:
        batch = {"runId": run_id, **{name: value for name, value in entry.items() if name != "kind"}}
        told = self._line.ask(operations.LOG, batch=batch)["logBatch"]
        self.is_stop_requested = told["run"]["stopRequestedAt"] is not None

    def _finish(self, run_id: str, entry: Entry) -> None:
        given = {"id": run_id, "status": entry["status"], "reason": entry["reason"], "at": entry["at"]}
        try:
            self._line.ask(operations.FINISH, **given)
        except Refused as refused:
            if refused.status == "LOST":
                self.beat()
                self._line.ask(operations.FINISH, **given)
            elif refused.status not in ENDS:
                raise

    def _upload(self, run_id: str, entry: Entry) -> None:
        project, name = self._project(), entry["artifact"]
        instead = f"{name}-{run_id.removeprefix('run_') if self._number is None else self._number}"
        artifact = places.artifact(self._line, project, name, sort=entry["type"], instead=instead)
        version = self._line.ask(operations.OPEN_VERSION, artifact=artifact, run=run_id, key=entry["key"])
        opened = version["createArtifactVersion"]
        if opened["state"] == "PENDING":
            self._fill(opened["id"], entry["files"])
        if entry["register"] is not None:
            self._register(places.model(self._line, project, entry["register"]), opened["id"], entry)
        shutil.rmtree(entry["staged"], ignore_errors=True)

    def _fill(self, version: str, files: list[dict[str, str]]) -> None:
        for file in files:
            address = f"/artifacts/{version}/{quote(file['path'])}"
            size = Path(file["source"]).stat().st_size
            self._line.put(address, self._read(file), size=size, sha256=file["sha256"])
        entries = [{"path": file["path"], "sha256": file["sha256"]} for file in files]
        self._line.ask(operations.COMMIT_VERSION, id=version, entries=entries)

    def _read(self, file: Mapping[str, str]) -> Iterator[bytes]:
        with Path(file["source"]).open("rb") as source:
            while chunk := source.read(CHUNK_BYTES):
                yield chunk
                self.progressed()

    def _register(self, model: str, version: str, entry: Entry) -> None:
        given = {"modelId": model, "sourceRunId": self.run_id, "artifactVersionId": version}
        self._line.ask(operations.CREATE_MODEL_VERSION, input=given, key=f"{entry['key']}-model")

    def _project(self) -> str:
        if self._project_id is None:
            begin = self._begin()
            self._project_id, experiment = places.experiment(self._line, begin["project"], begin["experiment"])
            if self._project_id is None:
                self._project_id = places.project_of(self._line, experiment)
        return self._project_id
