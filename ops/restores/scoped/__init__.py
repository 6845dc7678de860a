"""Bringing one organisation, or one project, of a backup back as a new one beside what lives."""

from ops.restores.scoped.copying import copy_organization, copy_project
from ops.restores.scoped.results import Copied, Fetch, Files, LeftOut, OrganizationCopy, Places, ProjectCopy

__all__ = [
    "Copied",
    "Fetch",
    "Files",
    "LeftOut",
    "OrganizationCopy",
    "Places",
    "ProjectCopy",
    "copy_organization",
    "copy_project",
]
