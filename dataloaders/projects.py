"""Loaders of projects."""

from sqlalchemy import func

from dataloaders.base import ById
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.lists import ListLoader
from maestro.access import Permission
from maestro.db.tables import Project
from maestro.filters import ValueType
from maestro.ids import Kind

PROJECTS = Catalogue(
    table=Project,
    document=func.to_tsvector("simple", Project.name + " " + Project.description),
    fields={
        "id": Listed(ValueType.ID, "The project's id.", Project.id, kind=Kind.Project),
        "name": Listed(ValueType.STRING, "The project's name.", Project.name),
        "slug": Listed(ValueType.STRING, "The name in addresses.", Project.slug),
        "description": Listed(ValueType.STRING, "What it is about.", Project.description),
        "createdAt": Listed(ValueType.DATETIME, "When it was created.", Project.created_at),
        "updatedAt": Listed(ValueType.DATETIME, "When it was last changed.", Project.updated_at),
    },
)


class ProjectById(ById):
    """Projects by their id."""

    needs = Permission.PROJECT_READ
    table = Project


class Projects(ListLoader):
    """The organisation's projects."""

    needs = Permission.PROJECT_READ
    catalogue = PROJECTS
