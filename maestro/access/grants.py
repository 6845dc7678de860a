"""What one actor may do: the roles they hold, narrowed by the key that they came with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from maestro.access.permissions import APPENDING, IN_PROJECTS, ROLES, Permission
from maestro.db.tables.enums import Role

NOTHING: Final[frozenset[Permission]] = frozenset()


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a key is narrower than its bearer: to some permissions, to some projects, to logging."""

    scopes: frozenset[Permission] | None = None
    projects: frozenset[UUID] | None = None
    is_append_only: bool = False


@dataclass(frozen=True, slots=True)
class Grants:
    """What is allowed everywhere in the organisation, and what in single projects besides."""

    everywhere: frozenset[Permission] = NOTHING
    in_projects: Mapping[UUID, frozenset[Permission]] = field(default_factory=dict)
    is_append_only: bool = False
    is_narrowed: bool = False
    """Whether a key allows less than its bearer may do."""

    def allow(self, permission: Permission, project_id: UUID | None = None) -> bool:
        """Say whether something is allowed in a project; without one, in the whole organisation."""
        if permission in self.everywhere:
            return True
        return project_id is not None and permission in self.in_projects.get(project_id, NOTHING)

    def allow_somewhere(self, permission: Permission) -> bool:
        """Say whether something is allowed in any place at all."""
        return permission in self.everywhere or any(permission in held for held in self.in_projects.values())

    def where(self, permission: Permission) -> frozenset[UUID]:
        """Return the single projects in which something is allowed that is not allowed everywhere."""
        return frozenset(project for project, held in self.in_projects.items() if permission in held)

    def at(self, project_id: UUID | None = None) -> frozenset[Permission]:
        """Return all that is allowed in a project; without one, in the whole organisation."""
        inside = NOTHING if project_id is None else self.in_projects.get(project_id, NOTHING)
        return self.everywhere | inside

    def covers(self, role: Role, project_id: UUID | None = None) -> bool:
        """Say whether all that a role allows in a project, or in the whole organisation, is allowed there."""
        return held_by(role, project_id) <= self.at(project_id)

    @property
    def visible_projects(self) -> frozenset[UUID] | None:
        """The projects whose rows the database shows; None for the whole organisation."""
        # A key may name a project in which its bearer holds nothing.
        return None if self.everywhere else frozenset(one for one, held in self.in_projects.items() if held)


def held_by(role: Role, project_id: UUID | None = None) -> frozenset[Permission]:
    """Return what a role allows in a project; without one, in the whole organisation."""
    return ROLES[role] if project_id is None else ROLES[role] & IN_PROJECTS


def grants_of(roles: Iterable[tuple[Role, UUID | None]], limits: Limits | None = None) -> Grants:
    """Return what roles allow, each held in a project or, with None, in the whole organisation."""
    everywhere, inside = NOTHING, dict[UUID, frozenset[Permission]]()
    for role, project_id in roles:
        if project_id is None:
            everywhere |= held_by(role)
        else:
            inside[project_id] = inside.get(project_id, NOTHING) | held_by(role, project_id)
    return Grants(everywhere, inside) if limits is None else _narrowed(everywhere, inside, limits)


def _narrowed(
    everywhere: frozenset[Permission], inside: Mapping[UUID, frozenset[Permission]], limits: Limits
) -> Grants:
    is_narrowed = limits != Limits()
    allowed = frozenset(Permission) if limits.scopes is None else limits.scopes
    if limits.is_append_only:
        allowed &= APPENDING
    if limits.projects is None:
        kept = {project: held & allowed for project, held in inside.items()}
        return Grants(everywhere & allowed, kept, limits.is_append_only, is_narrowed)
    named = {one: (inside.get(one, NOTHING) | (everywhere & IN_PROJECTS)) & allowed for one in limits.projects}
    return Grants(NOTHING, named, limits.is_append_only, is_narrowed)
