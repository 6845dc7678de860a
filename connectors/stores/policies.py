"""Who may do what with a bucket: the ability POLICY of `buckets.py`, in the words of the vendor."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


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
