"""What is wrong with a filter, and where."""

from typing import Final

from maestro.errors import InvalidInput

_SHOWN: Final = 60


class MismatchError(Exception):
    """Something does not fit; whoever knows the place turns it into an error for the client.

    `suggestion` can replace what is wrong as it stands; `index` is the item at fault where a list was given.
    """

    def __init__(
        self, message: str, *, suggestion: str | None = None, hint: str | None = None, index: int | None = None
    ) -> None:
        super().__init__(f"{message}; did you mean {suggestion}?" if suggestion else message)
        self.suggestion = suggestion
        self.hint = hint
        self.index = index


class FilterError(InvalidInput):
    """A filter text that cannot be used.

    `position` and `length` count characters; at the end of the text the length is 0. `suggestion`, where there is
    one, can replace exactly that stretch.
    """

    def __init__(self, problem: MismatchError, *, text: str, position: int, length: int) -> None:
        super().__init__(
            str(problem), hint=problem.hint, position=position, length=length, suggestion=problem.suggestion
        )
        self.text = text
        self.position = position
        self.length = length
        self.suggestion = problem.suggestion


def shown(text: str) -> str:
    """Quote for a message, cut to a length that a message can bear."""
    return f"'{text}'" if len(text) <= _SHOWN else f"'{text[:_SHOWN]}…'"
