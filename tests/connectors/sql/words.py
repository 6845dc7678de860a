"""How a vendor says what the contract of SQL sources asks: its placeholders, its types, and statements that differ."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


def doubled(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def as_it_is(name: str) -> str:
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The vendor's SQL."""

    placeholder: Callable[[int], str]
    """The placeholder of a parameter, by its number from 1."""
    types: Mapping[str, str]
    """The names of types for: boolean, integer, float, decimal (38 digits, 9 of them behind the point), text, binary,
    date, time, timestamp (with a zone, microseconds), json. One that is missing is not tried."""
    sleeping: str
    """A read of one row that takes `{seconds}`."""
    numbers: str
    """A read of `{count}` rows with one integer, `n`, from 1 on."""
    wide: str
    """A read of `{count}` rows with one text of 1,000 letters."""
    own_schemas: tuple[str, ...] = ()
    """Schemas of the vendor, which nobody browses."""
    quoted: Callable[[str], str] = doubled
    """An identifier as it is written where it holds odd characters."""
    spelled: Callable[[str], str] = as_it_is
    """An identifier that was written without quotes, as the vendor keeps it."""
    key: str = "PRIMARY KEY"
    commented: tuple[str, ...] = field(default=())
    """Statements that give the table `{table}` the comment "Of tests" and its column `name` the comment "Of a name"."""
