"""What is kept of answers: how well that works, and having it forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass

from maestro.access import organizations
from maestro.cache import Answers, CacheTag, FieldStats, touch
from maestro.db.tables import Organization
from resolvers.context import Context
from resolvers.writing import writing


@dataclass(frozen=True, slots=True)
class FieldStanding:
    """How well the answers of one field are kept."""

    field: str
    hits: int
    shared_hits: int
    joined: int
    misses: int
    outdated: int
    load_ms: float
    bytes: int
    evicted: int

    @property
    def hit_rate(self) -> float:
        """The part of the questions that the database was not asked."""
        return _rate(self.hits + self.shared_hits + self.joined, self.misses)


@dataclass(frozen=True, slots=True)
class AnswerStanding:
    """How well whole answers are kept."""

    hits: int
    misses: int
    outdated: int
    kept: int
    bytes: int
    evicted: int

    @property
    def hit_rate(self) -> float:
        """The part of the questions that were answered as before."""
        return _rate(self.hits, self.misses)


@dataclass(frozen=True, slots=True)
class DocumentStanding:
    """How well prepared documents are kept."""

    hits: int
    misses: int
    kept: int
    characters: int
    refused: int
    evicted: int

    @property
    def hit_rate(self) -> float:
        """The part of the operations whose document was known."""
        return _rate(self.hits, self.misses)


@dataclass(frozen=True, slots=True)
class Standing:
    """How well answers are kept by this process."""

    fields: list[FieldStanding]
    answers: AnswerStanding
    checks: int
    check_statements: int
    shared_failures: int
    shared_rubbish: int


async def standing(ctx: Context) -> Standing | None:
    """Return how well answers are kept by this process; None where none are.

    None outside of the first organisation too: who runs the server is in it, and a process counts for all of them.
    """
    cache = ctx.runtime.cache
    if cache is None or not await organizations.is_first(ctx.runtime.db, ctx.organization_id):
        return None
    shared = cache.fields.shared
    return Standing(
        fields=[_of_field(one) for one in cache.fields.stats()],
        answers=_of_answers(cache.answers),
        checks=cache.versions.asked,
        check_statements=cache.versions.statements,
        shared_failures=0 if shared is None else shared.failures,
        shared_rubbish=0 if shared is None else shared.rubbish,
    )


async def clear(ctx: Context, tags: Sequence[CacheTag] | None) -> list[CacheTag]:
    """Forget the organisation's answers that were made of some things, or all of them; return of which."""
    chosen = sorted(set(CacheTag if tags is None else tags))
    async with writing(ctx) as writer:
        await touch(writer.tx, chosen)
        writer.changed(Organization, ctx.organization_id, after={"cleared": chosen})
    return chosen


def _of_field(one: FieldStats) -> FieldStanding:
    tally = one.tally
    return FieldStanding(
        field=one.field,
        hits=tally.hits,
        shared_hits=tally.shared_hits,
        joined=tally.joined,
        misses=tally.misses,
        outdated=tally.outdated,
        load_ms=tally.load_s * 1000 / tally.misses if tally.misses else 0.0,
        bytes=one.bytes,
        evicted=one.evicted,
    )


def _of_answers(answers: Answers) -> AnswerStanding:
    stats = answers.stats
    return AnswerStanding(stats.hits, stats.misses, stats.outdated, len(answers), answers.filled, stats.evicted)


def _rate(found: int, missed: int) -> float:
    return found / (found + missed) if found + missed else 0.0
