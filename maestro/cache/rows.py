"""Rows that were kept: like those of the driver, which only the driver can make."""

from collections.abc import Iterator, Mapping
from typing import Any


class KeptRow:
    """A row with its columns as attributes, by name and by place; like the driver's, it never changes."""

    __slots__ = ("_places", "_values")

    def __init__(self, places: Mapping[str, int], values: tuple[Any, ...]) -> None:
        self._places = places
        self._values = values

    def __getattr__(self, name: str) -> Any:
        place = self._places.get(name)
        if place is None:
            raise AttributeError(f"the row has no column {name!r}; it has {', '.join(self._places)}")
        return self._values[place]

    def __getitem__(self, key: str | int) -> Any:
        return self._values[key if isinstance(key, int) else self._places[key]]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a column, `default` when there is no such column."""
        place = self._places.get(name)
        return default if place is None else self._values[place]

    def keys(self) -> Iterator[str]:
        """Return the names of the columns."""
        return iter(self._places)

    def values(self) -> Iterator[Any]:
        """Return the values."""
        return iter(self._values)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Return the names of the columns, each with its value."""
        return zip(self._places, self._values, strict=True)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __eq__(self, other: object) -> bool:
        if isinstance(other, KeptRow):
            return self._values == other._values and list(self._places) == list(other._places)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._values)
