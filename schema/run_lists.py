"""Lists of runs: which of them, and in which order."""

from typing import Any

import strawberry
from strawberry.scalars import JSON

from dataloaders.catalogue import Sort
from dataloaders.runs import RUNS
from maestro.db.tables.enums import RunKind, RunStatus
from maestro.errors import InvalidInput
from maestro.filters import Aggregate, Space, Target
from resolvers import validation
from schema.filtering import (
    DateTimeCondition,
    EnumCondition,
    IdCondition,
    NumberCondition,
    SortDirection,
    StringCondition,
    TagCondition,
    condition,
    filter_input,
    sort_fields,
)
from schema.list_arguments import list_arguments

RunSortField = sort_fields("RunSortField", RUNS)


@strawberry.input(description="Conditions on a metric; they hold only for runs that have it.")
class MetricCondition(NumberCondition):
    """Comparisons of a metric's value."""

    key: str = strawberry.field(description="The metric, like `accuracy`, or `accuracy{split=val}` with its context.")
    aggregate: Aggregate = strawberry.field(default=Aggregate.LAST, description="Which of its values.")


@strawberry.input(description="Conditions on a param; they hold only for runs that have it.")
class ParamCondition:
    """Comparisons of a param's value, by the type of what it is compared with."""

    key: str = strawberry.field(description="The param's key.")
    eq: JSON | None = condition("Equal to a number, a text, true or false.")
    ne: JSON | None = condition("Not equal to it.")
    lt: JSON | None = condition("Less than a number, or before a text.")
    lte: JSON | None = condition("At most.")
    gt: JSON | None = condition("More than a number, or after a text.")
    gte: JSON | None = condition("At least.")
    between: list[JSON] | None = condition("At least the first and at most the second.")
    in_: list[JSON] | None = condition("One of, all of one type; at most 1,000.", name="in")
    not_in: list[JSON] | None = condition("None of, all of one type; at most 1,000.")
    like: str | None = condition("Matches a pattern with % for any text and _ for any character.")
    ilike: str | None = condition("Matches a pattern whatever the case.")
    exists: bool | None = condition("Was logged, or was not.")


@filter_input("Which runs; all members that are given must hold.")
class RunFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    number: NumberCondition | None = condition("By number.")
    name: StringCondition | None = condition("By name.")
    external_id: StringCondition | None = condition("By the id in the system that started it.")
    status: EnumCondition[RunStatus] | None = condition("By where it is in its life.")
    status_reason: StringCondition | None = condition("By why it has its status.")
    kind: EnumCondition[RunKind] | None = condition("By what it does.")
    notes: StringCondition | None = condition("By what people wrote about it.")
    project: IdCondition | None = condition("By project.")
    experiment: IdCondition | None = condition("By experiment.")
    parent: IdCondition | None = condition("By the run that it is a part of.")
    created_by: IdCondition | None = condition("By who created it.")
    created_at: DateTimeCondition | None = condition("By the time of creation.")
    updated_at: DateTimeCondition | None = condition("By the time of the last change.")
    started_at: DateTimeCondition | None = condition("By the time of the start.")
    ended_at: DateTimeCondition | None = condition("By the time of the end.")
    duration_ms: NumberCondition | None = condition("By the time from start to end, in milliseconds.")
    heartbeat_at: DateTimeCondition | None = condition("By the last sign of life.")
    stop_requested_at: DateTimeCondition | None = condition("By the time at which somebody asked it to stop.")
    metric: MetricCondition | None = condition("By a metric; several go into `and`.")
    param: ParamCondition | None = condition("By a param; several go into `and`.")
    tag: TagCondition | None = condition("By a tag; several go into `and`.")
    text: str | None = condition("By words of the name and the notes; the last may be unfinished.")


@strawberry.input(description="A sort term: exactly one of `field`, `metric` and `param`.")
class RunSort:
    """What to sort runs by."""

    field: RunSortField | None = strawberry.field(default=None, description="A field.")  # type: ignore[valid-type] # made from the catalogue
    metric: str | None = strawberry.field(default=None, description="A metric, like `accuracy{split=val}`.")
    aggregate: Aggregate | None = strawberry.field(
        default=None, description="Which of the metric's values; the last unless told."
    )
    param: str | None = strawberry.field(default=None, description="A param: by numbers first, then by texts.")
    direction: SortDirection = strawberry.field(default=SortDirection.ASC, description="The direction.")

    def read(self) -> Sort:
        """Return it as loaders take it; InvalidInput for a term that is not exactly one of field, metric and param."""
        return Sort(_target(self), self.direction is SortDirection.DESC)


def metric_name(value: str, *, field: str = "metric") -> str:
    """Return a metric's name as a database can look for it; InvalidInput."""
    return _key(value, field)


def _target(term: Any) -> Target:
    given = [name for name in ("field", "metric", "param") if getattr(term, name) is not None]
    if len(given) != 1:
        raise InvalidInput(
            f"A sort term has {' and '.join(given) or 'nothing'} to sort by.",
            field="sort",
            hint="Give exactly one of field, metric and param; several terms go into the list.",
        )
    if term.metric is not None:
        return Target(Space.METRICS, _key(term.metric, "sort.metric"), term.aggregate or Aggregate.LAST)
    if term.aggregate is not None:
        raise InvalidInput("Only a metric has an aggregate.", field="sort.aggregate", hint="Leave it out.")
    if term.param is not None:
        return Target(Space.PARAMS, _key(term.param, "sort.param"))
    return Target(Space.FIELD, term.field.value)


def _key(value: str, field: str) -> str:
    if not value:
        raise InvalidInput(f"{field} is empty.", field=field)
    return validation.text(value, field=field, limit=1000)


run_page = list_arguments(RUNS, RunFilter, RunSort, noun="runs")
