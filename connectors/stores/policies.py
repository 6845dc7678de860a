"""Who may do what with a bucket: the ability POLICY of `buckets.py`, and what Azure has instead of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from maestro.public_access import PublicAccess


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that members have, under a condition if there is one; all of it in the vendor's words."""

    role: str
    members: tuple[str, ...]
    condition: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """All grants of a bucket, and the vendor's tag of exactly these."""

    grants: tuple[Grant, ...]
    etag: str | None = None


class Policy(Protocol):
    """Who may do what with the bucket or container, as the vendor's own policy."""

    async def iam_policy(self) -> AccessPolicy:
        """Return all grants, with the tag that `set_iam_policy` is told."""
        ...

    async def set_iam_policy(self, policy: AccessPolicy) -> AccessPolicy:
        """Set all grants, and return them as they are then.

        Conflict, and nothing is changed, when somebody else has changed them since the tag of this policy was told.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """What shared access signatures that name a policy permit, in Azure's letters, and from when until when."""

    name: str
    permissions: str | None = None
    starts_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """What is kept with a container, how far it is open to everybody, and the vendor's tag of exactly this."""

    metadata: Mapping[str, str]
    public_access: PublicAccess | None
    policies: tuple[StoredPolicy, ...]
    etag: str


class Access(Protocol):
    """What is told of the container itself, and who may read it without a key of the account."""

    async def container_settings(self) -> ContainerSettings:
        """Return them; NotFound."""
        ...

    async def set_container_metadata(self, metadata: Mapping[str, str]) -> None:
        """Set all metadata of the container, in the place of those that were there; NotFound."""
        ...

    async def set_access(
        self, public_access: PublicAccess | None, policies: Sequence[StoredPolicy], *, etag: str
    ) -> None:
        """Set how far it is open, and all stored policies; signatures that name one that goes are good no more.

        Conflict, and nothing is changed, when somebody has changed the container since the tag was told; InvalidInput
        for policies that cannot be; NotFound.
        """
        ...
