"""What everybody may read of a container without signing in."""

from enum import StrEnum


class PublicAccess(StrEnum):
    """How far a container is open to everybody; one that is not open has none of these."""

    OBJECTS = "OBJECTS"
    CONTAINER = "CONTAINER"
