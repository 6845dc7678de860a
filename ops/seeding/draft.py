"""The rows of the demo while they are gathered, with the ids and times that they refer to each other by."""

from typing import Any
from uuid import UUID

from maestro.db.tables import Base, LineageEdge
from maestro.db.tables.enums import LineageKind
from maestro.ids import Kind
from ops.demo.recording import Experiment, Recording, Run
from ops.seeding.rows import Owner, Rows, key_at, moment
from ops.seeding.timeline import Timeline

End = tuple[Kind, UUID]
"""One end of an arrow of lineage."""


class Draft:
    """What a recording becomes in one organisation."""

    def __init__(self, recording: Recording, owner: Owner, now_ms: int) -> None:
        self.recording = recording
        self.timeline = Timeline(recording, now_ms)
        self.user_id = owner.user_id
        self.rows = Rows(owner.organization_id)
        self.experiments: dict[str, Experiment] = {one.id: one for one in recording.experiments}
        self.runs: dict[str, Run] = {run.id: run for run in recording.runs}
        self._keys: dict[tuple[type[Base], str], UUID] = {}

    def add(
        self, table: type[Base], label: str, at_ms: int, /, *, changed_ms: int | None = None, **values: Any
    ) -> UUID:
        """Add a row that somebody made and return its id."""
        key = self.name(table, label, at_ms)
        self.rows.add(
            table,
            id=key,
            created_at=moment(at_ms),
            created_by_id=self.user_id,
            updated_at=moment(at_ms if changed_ms is None else changed_ms),
            **values,
        )
        return key

    def name(self, table: type[Base], name: str, at_ms: int) -> UUID:
        """Make the id of a row that others refer to by its table and its name in the recording."""
        key = self._keys[table, name] = key_at(at_ms)
        return key

    def key(self, table: type[Base], name: str) -> UUID:
        """Return the id of a row that has been named; KeyError."""
        return self._keys[table, name]

    def link(self, kind: LineageKind, origin: End, target: End, *, run_id: UUID, at_ms: int) -> None:
        """Draw an arrow from where something came from to where it went."""
        self.rows.add(
            LineageEdge,
            id=key_at(at_ms),
            from_type=origin[0].name,
            from_id=origin[1],
            to_type=target[0].name,
            to_id=target[1],
            kind=kind,
            run_id=run_id,
            at=moment(at_ms),
        )

    def during(self, experiment_id: str, at_ms: int) -> int:
        """Return when something in an experiment shall seem to have been, in milliseconds since 1970."""
        return self.timeline.during(self.experiments[experiment_id].created_ms, at_ms)

    def of_run(self, run_id: str, at_ms: int) -> int:
        """Return when something that a run made shall seem to have been, in milliseconds since 1970."""
        return self.during(self.runs[run_id].experiment, at_ms)
