"""What is kept of answers, in the schema: how well that works, and having it forgotten."""

from typing import Annotated, Any

import strawberry
from strawberry.types import Info

import resolvers.caching
from execution.declare import column
from maestro.access import Permission
from maestro.cache import CacheTag
from resolvers.caching import DocumentStanding, Standing
from schema.enums import described
from schema.guarding import OPERATIONS
from schema.guards import mutation, query
from schema.nodes import RowBacked
from schema.scalars import BigInt

described(
    CacheTag,
    "Something that answers are made of and that changes together.",
    {
        "PROJECTS": "Projects.",
        "EXPERIMENTS": "Experiments.",
        "RUNS": "Runs, with their signs of life.",
        "PARAMS": "Params of runs.",
        "METRIC_KEYS": "The names of metrics.",
        "METRICS": "What was logged.",
        "MODELS": "Models, their versions and aliases.",
        "ARTIFACTS": "Artifacts, their versions, files and aliases.",
        "LINEAGE": "What came from what.",
        "CONNECTORS": "Connectors and their syncs.",
        "MEMBERS": "People, service accounts and their roles.",
        "ORGANIZATION": "The organisation itself.",
        "JOBS": "Background jobs and backups.",
    },
)


@strawberry.type(description="How well the answers of one field are kept, since the server process was started.")
class FieldCacheStats(RowBacked):
    """A field's tally in place of a row."""

    row: strawberry.Private[Any]

    field: str = column("The field, by its type.")
    hits: BigInt = column("Questions that were answered from memory.")
    shared_hits: BigInt = column("Questions that were answered from Redis.")
    joined: BigInt = column("Questions that were answered by a reading that was under way.")
    misses: BigInt = column("Questions that were answered by the database.")
    outdated: BigInt = column("Answers that were there and not true any more, or too old.")
    hit_rate: float = column("The part of the questions that the database was not asked; 0 without any.")
    load_ms: float = column("How long the database took for one answer, on average.")
    bytes: BigInt = column("What its answers take in memory, about.")
    evicted: BigInt = column("Answers that had to make room for others.")


@strawberry.type(description="How well whole answers are kept, since the server process was started.")
class AnswerCacheStats(RowBacked):
    """The tally of whole answers in place of a row."""

    row: strawberry.Private[Any]

    hits: BigInt = column("Operations that were answered as before.")
    misses: BigInt = column("Operations that could be kept and were not there.")
    outdated: BigInt = column("Answers that were there and not true any more, or too old.")
    hit_rate: float = column("The part of such operations that were answered as before; 0 without any.")
    kept: BigInt = column("Answers that are there now.")
    bytes: BigInt = column("What they take in memory.")
    evicted: BigInt = column("Answers that had to make room for others.")


@strawberry.type(description="How well prepared documents are kept, since the server process was started.")
class DocumentCacheStats(RowBacked):
    """The tally of the operation cache in place of a row."""

    row: strawberry.Private[Any]

    hits: BigInt = column("Operations whose document had been parsed, measured and validated before.")
    misses: BigInt = column("Operations whose document was new.")
    hit_rate: float = column("The part of the operations whose document was known; 0 without any.")
    kept: BigInt = column("Good documents that are there now.")
    characters: BigInt = column("How long they are together.")
    refused: BigInt = column("Refused documents that are there now, apart from the good ones.")
    evicted: BigInt = column("Good documents that had to make room for others.")


@strawberry.type(description="How well answers are kept by the server process that was asked.")
class CacheStats:
    """The standing of a process's caches."""

    standing: strawberry.Private[Standing]

    @strawberry.field(description="The fields whose answers are kept by themselves, by name.")
    def fields(self) -> list[FieldCacheStats]:
        """Return the tallies."""
        return [FieldCacheStats(row=row) for row in self.standing.fields]

    @strawberry.field(description="Whole answers.")
    def answers(self) -> AnswerCacheStats:
        """Return the tally."""
        return AnswerCacheStats(row=self.standing.answers)

    @strawberry.field(description="Prepared documents.")
    def documents(self) -> DocumentCacheStats:
        """Return the tally."""
        stats = OPERATIONS.stats
        row = DocumentStanding(
            hits=stats.hits,
            misses=stats.misses,
            kept=stats.documents,
            characters=stats.characters,
            refused=stats.others,
            evicted=stats.evictions,
        )
        return DocumentCacheStats(row=row)

    @strawberry.field(description="Questions whether something has changed.")
    def checks(self) -> BigInt:
        """Return the count."""
        return BigInt(self.standing.checks)

    @strawberry.field(description="Statements by which these were answered: those that come together share one.")
    def check_statements(self) -> BigInt:
        """Return the count."""
        return BigInt(self.standing.check_statements)

    @strawberry.field(description="How often Redis has failed, or a value could not be given to it.")
    def shared_failures(self) -> BigInt:
        """Return the count."""
        return BigInt(self.standing.shared_failures)

    @strawberry.field(description="What was found in Redis and was none of ours.")
    def shared_rubbish(self) -> BigInt:
        """Return the count."""
        return BigInt(self.standing.shared_rubbish)


@strawberry.type(description="What is looked up anew from now on.")
class CacheCleared:
    """The answer of `clearCache`."""

    tags: list[CacheTag] = strawberry.field(description="What answers were made of that are forgotten.")


@strawberry.type
class CacheQueries:
    """Root fields."""

    @query(
        Permission.CACHE_MANAGE,
        description="How well answers are kept by the server process that was asked, of all organisations together; "
        "null where nothing is kept, and outside of the server's first organisation.",
    )
    async def cache_stats(self, info: Info[Any, Any]) -> CacheStats | None:
        """Return the tallies."""
        standing = await resolvers.caching.standing(info.context)
        return None if standing is None else CacheStats(standing=standing)


@strawberry.type
class CacheMutations:
    """Root fields."""

    @mutation(
        Permission.CACHE_MANAGE,
        description="Have every server process forget the organisation's answers, all of them or those that were made "
        "of some things. What has changed is never answered anyway.",
    )
    async def clear_cache(
        self,
        info: Info[Any, Any],
        tags: Annotated[
            list[CacheTag] | None, strawberry.argument(description="What they were made of; anything unless told.")
        ] = None,
    ) -> CacheCleared:
        """Clear."""
        return CacheCleared(tags=await resolvers.caching.clear(info.context, tags))
