"""How long the answer of a field may be kept, for whom, and what makes it stale: declared beside the field."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Scope(IntEnum):
    """Who is given an answer that was kept; a greater one is stricter."""

    PUBLIC = 0
    """Everybody: it depends on no data."""
    ORGANIZATION = 1
    """Whoever sees and may do the same in the organisation."""
    VIEWER = 2
    """The viewer alone."""


@dataclass(frozen=True, slots=True)
class Cached:
    """The policy of a field: `ttl` in seconds, and the tags of what its answer was made of."""

    ttl: float
    scope: Scope = Scope.ORGANIZATION
    tags: tuple[str, ...] | None = None
    """None for those of the edge's loader."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The policies of all that an answer holds, together."""

    max_age: float
    scope: Scope
    tags: tuple[str, ...]
    is_cacheable: bool = True

    def with_(self, other: "Policy") -> "Policy":
        """Return what holds for two parts of an answer: the shorter time, the stricter scope, the tags of both."""
        return Policy(
            min(self.max_age, other.max_age),
            max(self.scope, other.scope),
            self.tags if self.tags == other.tags else tuple(sorted({*self.tags, *other.tags})),
            self.is_cacheable and other.is_cacheable,
        )


LONGEST_TTL: Final = 86_400.0
DEFAULT_TTL: Final = 300.0
"""So long an answer is kept at most whose fields do not say; what makes it stale ends it at once."""
ANYTHING: Final = Policy(LONGEST_TTL, Scope.PUBLIC, ())
"""The policy of nothing, from which others are put together."""
NOT_CACHEABLE: Final = Policy(0.0, Scope.VIEWER, (), is_cacheable=False)


def cached(*, ttl: float, scope: Scope = Scope.ORGANIZATION, tags: Sequence[str] | None = None) -> Cached:
    """Declare that a field's answer is kept for `ttl` seconds, unless something with one of its tags changes.

    An edge leaves `tags` out and has those of what its loader reads.
    """
    if ttl <= 0:
        raise ValueError("an answer that may not be kept for any time has no policy")
    if scope is Scope.PUBLIC and tags:
        raise ValueError("what depends on data belongs to an organisation")
    return Cached(float(ttl), scope, None if tags is None else tuple(sorted(set(tags))))
