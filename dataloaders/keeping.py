"""Loaders whose answers are kept: asked of the cache first, and of the loader for what is not there."""

from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import blake2b
from typing import Any, Final, Protocol

from execution.policy import Scope
from maestro.access import Viewer
from maestro.cache import FieldCache, Kept, Question, Snapshot

KEY_SIZE: Final = 20


class Tagged(Protocol):
    """What is needed of a loader."""

    def load(self, key: Any) -> Awaitable[Any]:
        """Return the answer for a key."""
        ...

    def tags(self, key: Any) -> tuple[str, ...] | None:
        """Return the tags of what the answer is made of; None when it may not be kept."""
        ...


class Keeping:
    """A loader in front of which a cache stands; used like the loader itself."""

    def __init__(
        self,
        loader: Tagged,
        cache: FieldCache,
        kept: Kept,
        *,
        place: str,
        tags: tuple[str, ...] | None,
        snapshot: Callable[[], Awaitable[Snapshot | None]],
    ) -> None:
        self._loader = loader
        self._cache = cache
        self._kept = kept
        self._place = place
        self._tags = tags
        self._snapshot = snapshot

    async def load(self, key: Any) -> Any:
        """Return the answer for a key."""
        tags = self._loader.tags(key) if self._tags is None else self._tags
        snapshot = None if tags is None else await self._snapshot()
        if snapshot is None or tags is None:
            return await self._loader.load(key)
        # Equal keys have equal texts: they are made of ids, texts, numbers, enums and dataclasses of these.
        digest = blake2b(f"{type(self._loader)}{self._place}{key!r}".encode(), digest_size=KEY_SIZE).hexdigest()
        asked = Question(self._kept, f"{self._kept.field}:{digest}", snapshot.of(tags))
        return await self._cache.get(asked, partial(self._loader.load, key))


def place_of(viewer: Viewer, scope: Scope) -> str:
    """Return what tells apart who is given an answer: the organisation, what they see and may do, perhaps who it is."""
    if scope is Scope.PUBLIC:
        return ""
    grants = viewer.grants
    inside = sorted((str(project), *sorted(held)) for project, held in grants.in_projects.items())
    seen = viewer.scope.projects
    parts = (
        str(viewer.organization_id),
        None if seen is None else sorted(map(str, seen)),
        sorted(grants.everywhere),
        inside,
        grants.is_append_only,
        str(viewer.actor_id) if scope is Scope.VIEWER else None,
    )
    return repr(parts)
