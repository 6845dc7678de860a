"""What is read of the rows to be copied: each column as it will be in the copy."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Column

from ops.restores.scoped.catalogue import (
    ENDS,
    LEFT_OUT,
    LYING_WITH,
    ORGANIZATION,
    PROJECT,
    copied_tables,
    is_actor,
    referred,
    table_of,
)
from ops.restores.scoped.new_ids import NewIds
from ops.restores.scoped.scope import BLOB, LINEAGE, Scope, quoted

ACTORS: Final = "copied_actor"
"""The temporary table of who may be named in the copy: `id`, and `new`, as whom."""
JOINED: Final = "copied_node"
"""The temporary table of what rows of a project may refer to: `id`, and `new`, its id for the copy."""
TRASH: Final = ("deleted_at", "deleted_by_id", LYING_WITH, "purge_at")
ENDED: Final = "t.status NOT IN ('QUEUED', 'RUNNING', 'CANCELLING')"


@dataclass(frozen=True, slots=True)
class Renamed:
    """What the copy is called."""

    name: str
    slug: str


@dataclass(frozen=True, slots=True)
class Selection:
    """How rows of a scope become those of another one; `moment` is when they are copied.

    `brings_back` says that the project lies in the trash, and comes out of it with what it took along.
    """

    scope: Scope
    into: Scope
    ids: NewIds
    moment: datetime
    renamed: Renamed
    brings_back: bool = False
    taken: tuple[str, ...] = ()
    """Names that connectors of the organisation have already, into which a project goes; those of the copy differ."""

    @property
    def is_project(self) -> bool:
        """Whether a project is copied, not an organisation."""
        return self.scope.project_id is not None

    @property
    def tables(self) -> list[str]:
        """The tables that are copied, each after those to which it refers."""
        return copied_tables(is_project=self.is_project)

    def query(self, table: str, renamed: Renamed | None = None, *, without: tuple[str, ...] = ()) -> str:
        """Return the query of a table's rows as they will be, under other names for now if some are given."""
        names = {} if renamed is None else self._names(table, renamed)
        columns = [column for column in table_of(table).c if column.name not in without]
        listed = ", ".join(f"{names.get(one.name) or self.value(table, one)} AS {named(one)}" for one in columns)
        return f"SELECT {listed} FROM {written(table)} t WHERE {self.condition(table)}"  # noqa: S608 -- our own names

    def condition(self, table: str) -> str:
        """Return the condition of the rows that are copied: those that belong, and have all that they need."""
        further = {
            "membership": f"(t.user_id IS NULL OR {self._actor('t.user_id')} IS NOT NULL)",
            "sync_run": ENDED,
            LINEAGE: " AND ".join(f"{self._end(end)} IS NOT NULL" for _, end in ENDS) if self.is_project else "true",
        }
        return f"{self.scope.holds(table)} AND {further.get(table, 'true')}"

    def value(self, table: str, column: "Column[object]") -> str:
        """Return what a column holds in the copy, as SQL on the row `t`."""
        values = {**self._names(table, self.renamed), **self._own(table)}
        found = values.get(column.name) or self.reference(table, column) or f"t.{named(column)}"
        if column.name == "purge_at":
            # What had its time in the trash when it was backed up has it again.
            found = f"{self._now} + (t.purge_at - t.deleted_at)"
        if self.brings_back and column.name in TRASH:
            project = quoted(self.scope.project_id) if self.scope.project_id else "NULL"
            itself = f"t.id = {project} OR " if table == PROJECT else ""
            return f"CASE WHEN {itself}t.{LYING_WITH} = {project} THEN NULL ELSE {found} END"
        return found

    def reference(self, table: str, column: "Column[object]") -> str | None:
        """Return the new value of a column that holds an id, as SQL; None for a column that holds none."""
        old, target, name = f"t.{named(column)}", referred(table, column), column.name
        if name == "organization_id":
            return quoted(self.into.organization_id)
        if name in ("id", LYING_WITH):
            return self.ids.sql(old)
        if (table, name) in ENDS:
            return self._end(name)
        if target == "user" or is_actor(table, column):
            return self._actor(old)
        return None if target is None else self._referred(old, target, column)

    def _referred(self, old: str, target: str, column: "Column[object]") -> str:
        if target in LEFT_OUT:
            return "NULL::uuid"
        # What has to be there belongs to the same project; what may be missing need not.
        return self._joined(old) if self.is_project and column.nullable else self.ids.sql(old)

    def losable(self, table: str) -> list["Column[object]"]:
        """Return the columns that may refer to what the copy does not have, and are empty there then."""
        columns = [one for one in table_of(table).c if one.nullable and one.name != LYING_WITH]
        return [one for one in columns if "(SELECT" in (self.reference(table, one) or "")]

    def _end(self, column: str) -> str:
        return self._joined(f"t.{column}") if self.is_project else self.ids.sql(f"t.{column}")

    @staticmethod
    def _joined(old: str) -> str:
        return f"(SELECT node_.new FROM {JOINED} node_ WHERE node_.id = {old})"  # noqa: S608 -- our own names

    @staticmethod
    def _actor(old: str) -> str:
        return f"(SELECT actor_.new FROM {ACTORS} actor_ WHERE actor_.id = {old})"  # noqa: S608 -- our own names

    @property
    def _now(self) -> str:
        return f"'{self.moment.isoformat()}'::timestamptz"

    def _connector_name(self) -> str:
        if not self.taken:
            return "t.name"
        listed = ", ".join(map(literal, self.taken))
        other = literal(f" ({self.renamed.slug})")
        return f"CASE WHEN t.deleted_at IS NULL AND t.name IN ({listed}) THEN t.name || {other} ELSE t.name END"

    def _names(self, table: str, renamed: Renamed) -> dict[str, str]:
        if table != (PROJECT if self.is_project else ORGANIZATION):
            return {}
        return {"name": literal(renamed.name), "slug": literal(renamed.slug)}

    def _own(self, table: str) -> dict[str, str]:
        """Return what columns of a table hold in each copy, whatever they held before."""
        known = {
            # Whatever is made first is the organisation of whoever runs the server.
            "organization": {"created_at": self._now, "updated_at": self._now, "version": "1::bigint"},
            "membership": {"removed_at": f"coalesce(t.removed_at, {self._now})"},
            "service_account": {"disabled_at": f"coalesce(t.disabled_at, {self._now})"},
            "connector": {
                "status": "CASE t.status WHEN 'DISABLED' THEN t.status ELSE 'UNTESTED' END",
                "last_test": "NULL::jsonb",
                "schedule": "NULL::text",
                "name": self._connector_name(),
            },
        }
        return known.get(table, {})


def without(table: str) -> tuple[str, ...]:
    """Return the columns that may differ from what was copied: bytes that were there already keep their own time."""
    return ("created_at",) if table == BLOB else ()


def literal(text: str) -> str:
    """Return a text as SQL, whatever the server thinks of backslashes."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'::text"


def named(column: "Column[object]") -> str:
    """Return a column's name as SQL."""
    return f'"{column.name}"'


def written(table: str) -> str:
    """Return a table's name as SQL."""
    return f'"{table}"'
