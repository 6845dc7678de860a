"""Loaders of profiles, and of their files without what is in them."""

from typing import Any

from sqlalchemy import any_, literal_column, select

from dataloaders.base import KEYS, ORGANIZATION, ById, Grouped
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.lists import ListLoader
from maestro.access import Permission
from maestro.db.tables import Profile, ProfileFile
from maestro.db.tables.enums import JobState, ProfileKind
from maestro.filters import ValueType
from maestro.ids import Kind

PROFILES = Catalogue(
    table=Profile,
    document=literal_column(
        "to_tsvector('simple', profile.kind || ' ' || profile.target || ' ' || coalesce(profile.process, ''))"
    ),
    fields={
        "id": Listed(ValueType.ID, "The profile's id.", Profile.id, kind=Kind.Profile),
        "kind": Listed(ValueType.ENUM, "What it looks at.", Profile.kind, values=tuple(ProfileKind)),
        "state": Listed(ValueType.ENUM, "How it went.", Profile.state, values=tuple(JobState)),
        "process": Listed(ValueType.STRING, "The process that was looked at.", Profile.process, is_nullable=True),
        "seconds": Listed(ValueType.NUMBER, "How long was looked, in seconds.", Profile.seconds),
        "createdAt": Listed(ValueType.DATETIME, "When it was asked for.", Profile.created_at),
        "endedAt": Listed(ValueType.DATETIME, "When it ended.", Profile.ended_at, is_nullable=True),
    },
)


class ProfileById(ById):
    """Profiles by their id."""

    needs = Permission.MAINTENANCE_RUN
    table = Profile


class Profiles(ListLoader):
    """The profiles of the installation."""

    needs = Permission.MAINTENANCE_RUN
    catalogue = PROFILES


class FilesByProfile(Grouped):
    """The files of each profile, by their names."""

    needs = Permission.MAINTENANCE_RUN
    table = ProfileFile
    key = "profile_id"
    order = ("name",)

    @classmethod
    def query(cls) -> Any:
        """Return the statement, which leaves the bytes where they are."""
        columns = [column for column in ProfileFile.__table__.c if column.name != "content"]
        return (
            select(*columns)
            .where(ProfileFile.profile_id == any_(KEYS), ProfileFile.organization_id == ORGANIZATION)
            .order_by(ProfileFile.name)
        )
