"""What an operation costs before it runs: the number of objects that its answer can hold at most.

A document is priced once, into steps that a request's variables are put into; see `execution.pricing`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

MOST: Final = 2**53 - 1
"""No operation costs more: JavaScript still counts so far."""

Variables = Mapping[str, Any]
Objects = tuple[int, int]
"""How many objects come once, and how many for each item of the lists around."""


@dataclass(frozen=True, slots=True, eq=False)
class Sizes:
    """How long lists are taken to be.

    `page` where an argument could tell and does not, `longest` at most, since more is refused; `known` by
    `Type.field` and `short` otherwise where no argument tells. `dear` is what fields cost beside the objects that they
    answer, by the name that they have on any type, or by `Type.field`.
    """

    page: int = 20
    longest: int = 1_000
    short: int = 10
    known: Mapping[str, int] = field(default_factory=dict)
    dear: Mapping[str, int] = field(default_factory=dict)
    counts: tuple[str, ...] = ("first", "last")
    """Arguments that are the length of a list, or of those directly in the object that the field answers."""
    lists: tuple[str, ...] = ("ids",)
    """Arguments whose own length is."""


@dataclass(frozen=True, slots=True)
class Given:
    """A value that a document leaves to a variable: its name, and the default where nothing is sent."""

    name: str
    default: Any

    def of(self, variables: Variables) -> Any:
        """Return the value."""
        return variables.get(self.name, self.default)


@dataclass(frozen=True, slots=True)
class Length:
    """The length of a list by its arguments, of which some are variables."""

    values: tuple[Any, ...]
    otherwise: int
    longest: int

    def of(self, variables: Variables) -> int:
        """Return the greatest length that the arguments tell, within what is answered at all."""
        told = -1
        for value in self.values:
            length = length_of(value.of(variables) if isinstance(value, Given) else value)
            if length is not None and length > told:
                told = length
        return min(self.otherwise if told < 0 else told, self.longest)


@dataclass(frozen=True, slots=True)
class Condition:
    """`@skip` or `@include` on a variable: `unless` is the value that takes the selection away."""

    value: Given
    unless: bool

    def holds(self, variables: Variables) -> bool:
        """Say whether the selection may be answered."""
        return self.value.of(variables) is not self.unless


@dataclass(slots=True)
class Step:
    """A selection set on one type: what an object of it costs beside itself.

    `plain` comes once, `each` for each item of the lists whose length the surrounding field's arguments tell. Both are
    what does not depend on variables; `terms` and `branches` are the rest.
    """

    plain: int = 0
    each: int = 0
    terms: list["Term"] = field(default_factory=list)
    branches: list["Step"] = field(default_factory=list)
    """The types of an interface or a union: the dearest counts."""

    @property
    def is_fixed(self) -> bool:
        """Whether no variable can change it."""
        return not self.terms and not self.branches

    def add(self, plain: int, each: int) -> None:
        """Count more objects."""
        self.plain, self.each = min(self.plain + plain, MOST), min(self.each + each, MOST)

    @property
    def fixed(self) -> Objects:
        """What does not depend on variables."""
        return self.plain, self.each

    def of(self, variables: Variables, known: Mapping[int, Objects]) -> Objects:
        """Return `plain` and `each` with these variables; `known` are those of the steps before, by identity."""
        plain, each = self.plain, self.each
        for term in self.terms:
            if not term.conditions or all(condition.holds(variables) for condition in term.conditions):
                more = term.cost(variables, known.get(id(term.step), term.step.fixed))
                plain, each = plain + more[0], each + more[1]
        if self.branches:
            branches = [known.get(id(branch), branch.fixed) for branch in self.branches]
            plain, each = plain + max(one[0] for one in branches), each + max(one[1] for one in branches)
        return min(plain, MOST), min(each, MOST)


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a selection set: a fragment (`length` None), or a field.

    A list's items are each an object; `is_item` says that the surrounding field tells how many. An object with list
    arguments passes their length on to the lists in it.
    """

    step: Step
    conditions: tuple[Condition, ...]
    length: Length | None = None
    is_list: bool = False
    is_item: bool = False
    short: int = 0

    def cost(self, variables: Variables, inside: Objects) -> Objects:
        """Return what it adds to `plain` and to `each`, from what its own selections come to."""
        if self.length is None:
            return inside
        length, (plain, each) = self.length.of(variables), inside
        if not self.is_list:
            return 1 + plain + length * each, 0
        item = 1 + plain + self.short * each
        return (0, item * length) if self.is_item else (item * length, 0)

    @property
    def is_fixed(self) -> bool:
        """Whether no variable can change it."""
        told = () if self.length is None else self.length.values
        return self.step.is_fixed and not self.conditions and not any(isinstance(value, Given) for value in told)


@dataclass(frozen=True, slots=True)
class Price:
    """A priced operation: `fields` are the names of its root fields by their keys in the answer."""

    root: Step
    steps: int
    changing: tuple[Step, ...]
    fields: Mapping[str, str]
    short: int

    def of(self, variables: Variables) -> int:
        """Return the cost with these variables, at least 1."""
        known: dict[int, Objects] = {}
        for step in self.changing:
            known[id(step)] = step.of(variables, known)
        plain, each = known.get(id(self.root), self.root.fixed)
        return min(1 + plain + self.short * each, MOST)


def length_of(value: Any) -> int | None:
    """Return the length that a value tells, None for one that tells none and is refused later, if not now."""
    if isinstance(value, list | tuple):
        return len(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return max(int(value), 0)
