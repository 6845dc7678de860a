"""How large a filter may be, counted in one place for both fronts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from maestro.filters.errors import MismatchError

MAX_TEXT: Final = 10_000
MAX_COMPARISONS: Final = 200
MAX_DEPTH: Final = 30
MAX_ITEMS: Final = 1_000


class Budget:
    """What one filter has used up of its limits."""

    def __init__(self) -> None:
        self._comparisons = 0
        self._depth = 0

    def count_comparison(self) -> None:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            raise MismatchError(f"A filter holds at most {MAX_COMPARISONS} comparisons")

    @contextmanager
    def level(self) -> Iterator[None]:
        """Stand one level deeper while the block runs."""
        if self._depth == MAX_DEPTH:
            raise MismatchError(f"A filter is nested at most {MAX_DEPTH} levels deep")
        self._depth += 1
        yield
        self._depth -= 1
