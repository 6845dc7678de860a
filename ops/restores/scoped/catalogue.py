"""Which tables belong to an organisation or a project, which do not and why, and what their columns refer to."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Column, Table, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from maestro.db.tables import Base

PROJECT: Final = "project"
ORGANIZATION: Final = "organization"


@dataclass(frozen=True, slots=True)
class Within:
    """How a row is known to belong to a project: its column holds the id of a row that does."""

    column: str
    parent: str


OF_A_PROJECT: Final[dict[str, Within | None]] = {
    "project": None,
    "experiment": Within("project_id", PROJECT),
    "run": Within("project_id", PROJECT),
    "param": Within("project_id", PROJECT),
    "metric_key": Within("project_id", PROJECT),
    "metric_series": Within("project_id", PROJECT),
    "metric_hot": Within("series_id", "metric_series"),
    "metric_block": Within("series_id", "metric_series"),
    "ingest_batch": Within("run_id", "run"),
    "registered_model": Within("project_id", PROJECT),
    "model_version": Within("model_id", "registered_model"),
    "model_alias": Within("model_id", "registered_model"),
    "model_alias_move": Within("model_id", "registered_model"),
    "artifact": Within("project_id", PROJECT),
    "artifact_version": Within("artifact_id", "artifact"),
    "artifact_entry": Within("version_id", "artifact_version"),
    "artifact_alias": Within("artifact_id", "artifact"),
    "connector": Within("project_id", PROJECT),
    "sync_run": Within("connector_id", "connector"),
    "lineage_edge": None,
    "blob": None,
}
"""Tables of which rows belong to a project; None where the rule is one of `scope.py` itself."""

OF_AN_ORGANIZATION: Final[dict[str, str]] = {
    "organization": "the project goes into one that there is",
    "service_account": "whoever may act in the organization it goes into is decided there",
    "membership": "whoever may see the organization it goes into is decided there",
    "document": "documents belong to the organization's clients",
    "document_client": "documents belong to the organization's clients",
    "document_usage": "documents belong to the organization's clients",
}
"""Tables that are copied with an organisation, and why they are not with a project."""

LEFT_OUT: Final[dict[str, str]] = {
    "user": "people belong to the whole installation; whoever is not here any more is not brought back",
    "identity": "how people sign in belongs to them",
    "session": "nobody is signed in by a copy",
    "sign_in_link": "nobody is signed in by a copy",
    "invitation": "whoever is invited was invited to the original",
    "api_key": "a key opens what it was made for alone",
    "connector_secret": "a credential opens with its own organization and connector only: set it again",
    "connector_check": "how connectors fared was seen from the original",
    "connector_usage": "what was used was used by the original",
    "connector_query": "queries were asked by people of the original",
    "artifact_store": "where the files of a copy go is decided anew: a store belongs to one project at a time",
    "remote_blob": "bytes in an object store belong to the original, which may remove them",
    "loose_object": "what is awaited or may go was sent for the original",
    "sync_plan": "a plan compares stores as they were then",
    "sync_item": "a plan compares stores as they were then",
    "idempotency_key": "the answers under these keys were given for the original",
    "audit_entry": "the log tells what was done in the original; a copy begins its own",
    "audit_head": "the log tells what was done in the original; a copy begins its own",
    "data_version": "versions are counted by the database as rows are written",
    "points_by_day": "nothing is logged by a copy, and its quota counts what is",
    "job": "work was done for the original",
    "job_event": "work was done for the original",
    "job_schedule": "nothing begins by itself in a copy",
    "notification_channel": "nobody is told of a copy unless they ask for it; their keys do not open elsewhere",
    "backup": "backups are of the whole installation",
    "restore": "restores are of the whole installation",
    "profile": "profiles are of the whole installation",
    "profile_file": "profiles are of the whole installation",
}
"""Tables of which nothing is copied, and why."""

IMPLIED: Final[dict[tuple[str, str], str]] = {
    ("param", "project_id"): PROJECT,
    ("metric_series", "project_id"): PROJECT,
    ("metric_hot", "series_id"): "metric_series",
    ("metric_block", "series_id"): "metric_series",
}
"""Columns that refer to a table without a foreign key."""

ENDS: Final = (("lineage_edge", "from_id"), ("lineage_edge", "to_id"))
"""Columns that refer to a table whose type another column names; ids are unique over all tables."""

JOINED: Final = ("run", "artifact_version", "model_version")
"""Tables to which these refer."""

LYING_WITH: Final = "trashed_with_id"
"""The object with which a row went to the trash: something that the same scope holds."""

PLAIN_JSON: Final = frozenset(
    {
        ("organization", "settings"),
        ("organization", "quotas"),
        ("experiment", "tags"),
        ("run", "tags"),
        ("run", "config"),
        ("run", "source"),
        ("run", "environment"),
        ("metric_series", "context"),
        ("registered_model", "tags"),
        ("model_version", "signature"),
        ("model_version", "metrics"),
        ("artifact", "tags"),
        ("connector", "config"),
        ("connector", "last_test"),
        ("sync_run", "plan"),
        ("sync_run", "progress"),
        ("sync_run", "stats"),
    }
)
"""JSON that was looked at and holds no id of ours: people's own words, settings of vendors, counts."""


def table_of(name: str) -> Table:
    """Return a table by its name."""
    return Base.metadata.tables[name]


def copied_tables(*, is_project: bool) -> list[str]:
    """Return the tables that are copied, each after those to which it refers."""
    wanted = set(OF_A_PROJECT) if is_project else {*OF_A_PROJECT, *OF_AN_ORGANIZATION}
    return [table.name for table in Base.metadata.sorted_tables if table.name in wanted]


def referred(table: str, column: "Column[object]") -> str | None:
    """Return the table to which a column refers, by a foreign key or by what it means; None for none."""
    implied = IMPLIED.get((table, column.name))
    return implied or next((key.column.table.name for key in column.foreign_keys), None)


def is_actor(table: str, column: "Column[object]") -> bool:
    """Say whether a column tells who did something: a person or a service account, so it refers to no one table."""
    return referred(table, column) is None and column.name.endswith("by_id")


def joined_tables() -> list[str]:
    """Return the tables to which a row may refer that belongs to a project without their row belonging to it."""
    loose = {
        target
        for name in OF_A_PROJECT
        for column in table_of(name).c
        if column.nullable and (target := referred(name, column)) in OF_A_PROJECT and target is not None
    }
    return sorted(loose | set(JOINED))


def unknown() -> list[str]:
    """Return what nothing here says how to treat: tables, columns with ids, columns with JSON."""
    known = {*OF_A_PROJECT, *OF_AN_ORGANIZATION, *LEFT_OUT}
    found = [name for name in Base.metadata.tables if name not in known]
    for name in copied_tables(is_project=False):
        found += [f"{name}.{column.name}" for column in table_of(name).c if not is_known(name, column)]
    return found


def is_known(table: str, column: "Column[object]") -> bool:
    """Say whether it is clear what a column holds in a copy: it has no ids, or refers to something that is known."""
    if isinstance(column.type, JSONB):
        return (table, column.name) in PLAIN_JSON
    if not isinstance(column.type, Uuid):
        return "Uuid" not in repr(column.type)
    if column.name in ("id", "organization_id", LYING_WITH) or (table, column.name) in ENDS:
        return True
    return is_actor(table, column) or referred(table, column) is not None
