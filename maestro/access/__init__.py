"""Who is asking and what they may do: the only door to the data."""

from maestro.access.door import Access
from maestro.access.grants import Grants, Limits, grants_of
from maestro.access.permissions import IN_PROJECTS, ROLES, Permission, lowest_role
from maestro.access.viewer import SignInMethod, Viewer

__all__ = [
    "IN_PROJECTS",
    "ROLES",
    "Access",
    "Grants",
    "Limits",
    "Permission",
    "SignInMethod",
    "Viewer",
    "grants_of",
    "lowest_role",
]
