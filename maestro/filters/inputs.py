"""Read a filter that comes as structured values, a GraphQL input say."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from maestro.errors import InvalidInput
from maestro.filters.checking import compare, storable
from maestro.filters.errors import MismatchError, shown
from maestro.filters.limits import Budget
from maestro.filters.tree import Aggregate, Filter, Not, Operator, Space, all_of, any_of
from maestro.filters.vocabulary import Subject, ValueType, Vocabulary, nearest

_OPERATORS: Final = {
    "eq": Operator.EQ,
    "ne": Operator.NE,
    "lt": Operator.LT,
    "lte": Operator.LE,
    "gt": Operator.GT,
    "gte": Operator.GE,
    "in": Operator.IN,
    "notIn": Operator.NOT_IN,
    "like": Operator.LIKE,
    "notLike": Operator.NOT_LIKE,
    "ilike": Operator.ILIKE,
    "notIlike": Operator.NOT_ILIKE,
    "matches": Operator.MATCHES,
    "exists": Operator.EXISTS,
    "between": Operator.BETWEEN,
    "notBetween": Operator.NOT_BETWEEN,
}
_SPACES: Final = {"metric": Space.METRICS, "param": Space.PARAMS, "tag": Space.TAGS}
_KEY_MEMBERS: Final = frozenset({"key", "aggregate"})


def from_input(value: Mapping[str, Any], vocabulary: Vocabulary) -> Filter:
    """Read a mapping of `and: […]`, `or: […]`, `not: {…}`, `<field>: {<operator>: …}`, `metric: {key, aggregate, …}`.

    `param` and `tag` are like `metric`, without an aggregate; a field of type TEXT also takes its words alone. Members
    of one mapping are joined by AND. Raises InvalidInput, whose `field` is the path of the culprit, for example
    `filter.and[0].metric.gt`.
    """
    return _Reader(vocabulary).group("filter", value)


class _Reader:
    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._budget = Budget()

    def group(self, path: str, value: Any) -> Filter:
        with _at(path):
            members = _mapping(value)
            if not members:
                raise MismatchError("The filter is empty", hint="Leave it out, or name a field.")
        return all_of(*(self._member(f"{path}.{name}", name, member) for name, member in members.items()))

    def _member(self, path: str, name: str, value: Any) -> Filter:
        match name:
            case "and":
                return all_of(*self._groups(path, value))
            case "or":
                return any_of(*self._groups(path, value))
            case "not":
                with self._level(path):
                    return Not(self.group(path, value))
            case _:
                return self._claims(path, name, value)

    def _groups(self, path: str, values: Any) -> list[Filter]:
        with self._level(path):
            if not isinstance(values, list | tuple) or not values:
                raise MismatchError("This takes a list of one filter or more")
            return [self.group(f"{path}[{index}]", value) for index, value in enumerate(values)]

    def _claims(self, path: str, name: str, value: Any) -> Filter:
        with _at(path):
            subject = self._subject(name, value)
            claims = {"matches": value} if _is_search(subject, value) else _mapping(value)
            if name in _SPACES:
                claims = {key: operand for key, operand in claims.items() if key not in _KEY_MEMBERS}
            if not claims:
                raise MismatchError("An operator is missing", hint=f"Operators are {', '.join(_OPERATORS)}.")
        return all_of(
            *(self._claim(f"{path}.{key}", subject, name=key, operand=operand) for key, operand in claims.items())
        )

    def _subject(self, name: str, value: Any) -> Subject:
        space = _SPACES.get(name)
        if space in self._vocabulary.spaces:
            members = _mapping(value)
            return self._vocabulary.key(space, _key(members), _aggregate(space, members))
        if name not in self._vocabulary.fields:
            spaces = [word for word, space in _SPACES.items() if space in self._vocabulary.spaces]
            known = [*self._vocabulary.fields, *spaces, "and", "or", "not"]
            raise MismatchError(
                f"There is no field {shown(name)}",
                suggestion=nearest(name, known),
                hint=f"Filter by {', '.join(known)}.",
            )
        return self._vocabulary.field(name)

    def _claim(self, path: str, subject: Subject, *, name: str, operand: Any) -> Filter:
        with _at(path):
            self._budget.count_comparison()
            if name not in _OPERATORS:
                raise MismatchError(f"There is no operator {shown(name)}", suggestion=nearest(name, _OPERATORS))
            operator = _OPERATORS[name]
            if operator is not Operator.EXISTS:
                return compare(subject, operator, operand)
            if not isinstance(operand, bool):
                raise MismatchError("exists takes true or false")
            exists = compare(subject, operator, None)
            return exists if operand else Not(exists)

    @contextmanager
    def _level(self, path: str) -> Iterator[None]:
        with _at(path), self._budget.level():
            yield


def _is_search(subject: Subject, value: Any) -> bool:
    return subject.type is ValueType.TEXT and isinstance(value, str)


def _key(members: Mapping[str, Any]) -> str:
    key = members.get("key")
    if not isinstance(key, str):
        raise MismatchError("The key is missing", hint="Name it as key.")
    return storable(key)


def _aggregate(space: Space, members: Mapping[str, Any]) -> Aggregate:
    if "aggregate" not in members:
        return Aggregate.LAST
    word = members["aggregate"]
    if space is not Space.METRICS or not isinstance(word, str) or word.lower() not in set(Aggregate):
        raise MismatchError("The aggregate is last, min or max, of a metric alone")
    return Aggregate(word.lower())


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise MismatchError("This takes an object of names and values")
    return value


@contextmanager
def _at(path: str) -> Iterator[None]:
    try:
        yield
    except MismatchError as problem:
        field = path if problem.index is None else f"{path}[{problem.index}]"
        raise InvalidInput(str(problem), field=field, hint=problem.hint, suggestion=problem.suggestion) from None
