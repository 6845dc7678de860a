"""What was read before and is kept: in the process, and in Redis for all of them, for as long as it is still so."""

from dataclasses import dataclass

from maestro.cache.answers import Answer, Answers
from maestro.cache.fields import FieldCache, FieldStats, Kept, Question
from maestro.cache.tags import TAGS, CacheTag, tags_of
from maestro.cache.versions import Snapshot, Versions, touch
from maestro.db.engine import Database

__all__ = [
    "TAGS",
    "Answer",
    "Answers",
    "Cache",
    "CacheTag",
    "FieldCache",
    "FieldStats",
    "Kept",
    "Question",
    "Snapshot",
    "Versions",
    "tags_of",
    "touch",
]


@dataclass(frozen=True, slots=True)
class Cache:
    """What one process keeps, and how it knows that it is still so."""

    versions: Versions
    fields: FieldCache
    answers: Answers

    @classmethod
    def over(
        cls, db: Database, *, fields: int, answers: int, redis_url: str | None = None, secret: bytes = b""
    ) -> "Cache":
        """Make an empty cache over a database, with so many bytes for fields and for answers."""
        return cls(Versions(db), FieldCache(fields, redis_url=redis_url, secret=secret), Answers(answers))

    async def close(self) -> None:
        """Close the connections."""
        await self.versions.close()
        await self.fields.close()
