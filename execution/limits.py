"""How much an operation may be: what is measured of it, and the limits that it is held against."""

from dataclasses import dataclass
from enum import StrEnum


class Measure(StrEnum):
    """What is measured; the value is what a client is told."""

    CHARACTERS = "characters"
    TOKENS = "tokens"
    BRACKETS = "brackets"
    DEFINITIONS = "definitions"
    SELECTIONS = "selections"
    NESTING = "nesting"
    OVERLAPS = "overlaps"
    DEPTH = "depth"
    ALIASES = "aliases"
    DIRECTIVES = "directives"
    ROOT_FIELDS = "rootFields"
    FIELDS = "fields"
    COST = "cost"
    VARIABLE_DEPTH = "variableDepth"
    CONTAINERS = "containers"
    VALUES = "values"


@dataclass(frozen=True, slots=True)
class Excess:
    """A measure beyond its limit; no value where counting stopped at the limit."""

    measure: Measure
    value: int | None
    limit: int


@dataclass(frozen=True, slots=True)
class Measures:
    """What one operation comes to with all its fragments put in; a fragment counts wherever it is spread."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    root_fields: int = 0
    fields: int = 0

    def named(self) -> dict[Measure, int]:
        """Return the values by what is measured."""
        return {
            Measure.DEPTH: self.depth,
            Measure.ALIASES: self.aliases,
            Measure.DIRECTIVES: self.directives,
            Measure.ROOT_FIELDS: self.root_fields,
            Measure.FIELDS: self.fields,
        }


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that an operation of one viewer may come to."""

    depth: int
    aliases: int
    directives: int
    root_fields: int
    fields: int
    cost: int

    def of(self, measure: Measure) -> int:
        """Return the limit of what is measured in operations."""
        by_measure = {
            Measure.DEPTH: self.depth,
            Measure.ALIASES: self.aliases,
            Measure.DIRECTIVES: self.directives,
            Measure.ROOT_FIELDS: self.root_fields,
            Measure.FIELDS: self.fields,
            Measure.COST: self.cost,
        }
        return by_measure[measure]

    def excess(self, measures: Measures) -> Excess | None:
        """Return the first measure that is beyond its limit."""
        for measure, value in measures.named().items():
            limit = self.of(measure)
            if value > limit:
                return Excess(measure, value, limit)
        return None
