"""The one text of a tree: what `parse` reads back as the same tree, and what a fingerprint is taken of."""

import re
from datetime import datetime
from hashlib import blake2b
from typing import Final

from maestro.filters.tree import Aggregate, And, Comparison, Filter, Not, Operator, Or, Scalar, Space, Target

_PLAIN_KEY: Final = re.compile(r"[\w/@:-]+(?:\.[\w/@:-]+)*")


def to_text(tree: Filter) -> str:
    """Write the tree with as few parentheses as its meaning allows."""
    match tree:
        case Comparison():
            return _comparison_text(tree)
        case Not(member):
            return f"NOT {_inside(member, (And, Or))}"
        case And(members):
            return " AND ".join(_inside(member, (Or,)) for member in members)
        case Or(members):
            return " OR ".join(to_text(member) for member in members)


def fingerprint(tree: Filter) -> str:
    """24 hexadecimal digits that stay the same for the same tree, in every process and release."""
    return blake2b(to_text(tree).encode(), digest_size=12).hexdigest()


def target_text(target: Target) -> str:
    """The name of a target, its key quoted where it could be read otherwise."""
    if target.space is Space.FIELD:
        return target.key
    is_metric = target.space is Space.METRICS
    *before, last = target.key.split(".")
    looks_aggregated = is_metric and bool(before) and last.lower() in set(Aggregate)
    is_plain = _PLAIN_KEY.fullmatch(target.key) and not looks_aggregated
    key = target.key if is_plain else '"' + target.key.replace('"', '""') + '"'
    suffix = f".{target.aggregate}" if is_metric and target.aggregate is not Aggregate.LAST else ""
    return f"{target.space}.{key}{suffix}"


def scalar_text(value: Scalar) -> str:
    """A value as the language spells it."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case datetime():
            return f"'{value.isoformat().replace('+00:00', 'Z')}'"
        case _:
            return repr(value)


def _inside(member: Filter, weaker: tuple[type, ...]) -> str:
    return f"({to_text(member)})" if isinstance(member, weaker) else to_text(member)


def _comparison_text(tree: Comparison) -> str:
    start = f"{target_text(tree.target)} {tree.operator}"
    match tree.value:
        case None:
            return start
        case tuple(values) if tree.operator in (Operator.BETWEEN, Operator.NOT_BETWEEN):
            return f"{start} {' AND '.join(map(scalar_text, values))}"
        case tuple(values):
            return f"{start} ({', '.join(map(scalar_text, values))})"
        case value:
            return f"{start} {scalar_text(value)}"
