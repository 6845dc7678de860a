"""Which rows an organisation or a project consists of, as conditions of SQL."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ops.restores.scoped.catalogue import ENDS, JOINED, OF_A_PROJECT, ORGANIZATION, PROJECT

LINEAGE: Final = "lineage_edge"
BLOB: Final = "blob"
ENTRY: Final = "artifact_entry"


@dataclass(frozen=True, slots=True)
class Scope:
    """An organisation, or one project of it."""

    organization_id: UUID
    project_id: UUID | None = None

    def holds(self, table: str, row: str = "t") -> str:
        """Return the condition of rows of a table that belong; `row` is the name under which they are read."""
        if table == BLOB:
            return f"{row}.organization_id = {quoted(self.organization_id)} AND {self._is_used(row)}"
        if self.project_id is None:
            return f"{row}.{'id' if table == ORGANIZATION else 'organization_id'} = {quoted(self.organization_id)}"
        if table == PROJECT:
            return f"{row}.id = {quoted(self.project_id)}"
        if table == LINEAGE:
            return f"({' OR '.join(f'{row}.{end} IN ({self._joined()})' for _, end in ENDS)})"
        within = OF_A_PROJECT[table]
        if within is None:
            raise LookupError(f"rows of {table} belong to no project")
        if within.parent == PROJECT:
            return f"{row}.{within.column} = {quoted(self.project_id)}"
        return f"{row}.{within.column} IN ({self.ids_of(within.parent)})"

    def ids_of(self, table: str) -> str:
        """Return the query of the ids of all rows of a table that belong."""
        row = f"{table}_"
        return f"SELECT {row}.id FROM {table} {row} WHERE {self.holds(table, row)}"  # noqa: S608 -- our own names

    def _joined(self) -> str:
        return " UNION ALL ".join(map(self.ids_of, JOINED))

    def _is_used(self, row: str) -> str:
        """Return the condition of bytes that a file of the scope has; others wait for being removed."""
        own = (
            f"file_.organization_id = {row}.organization_id AND file_.sha256 = {row}.sha256 "
            "AND file_.connector_id IS NULL"
        )
        held = "" if self.project_id is None else f" AND {self.holds(ENTRY, 'file_')}"
        return f"EXISTS (SELECT FROM {ENTRY} file_ WHERE {own}{held})"


def quoted(key: UUID) -> str:
    """Return an id as SQL."""
    return f"'{key}'::uuid"
