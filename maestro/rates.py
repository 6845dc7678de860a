"""Rates as they are written in settings: so much in a time."""

from dataclasses import dataclass
from typing import Final

import limits

OFF: Final = "off"


@dataclass(frozen=True, slots=True)
class Rate:
    """So much in so many seconds."""

    amount: int
    window_s: int

    def times(self, factor: int) -> "Rate":
        """Return a rate of several of them."""
        return Rate(self.amount * factor, self.window_s)


def rate_of(text: str) -> Rate | None:
    """Read a rate like `3000/minute` or `100 per 10 seconds`, None for `off`; ValueError."""
    if text.strip().lower() in (OFF, ""):
        return None
    try:
        (item,) = limits.parse_many(text)
    except ValueError:
        raise ValueError(f"{text!r} is no rate: write one like 3000/minute, or off") from None
    if item.amount == 0:
        raise ValueError(f"{text!r} would refuse everything: write off for no limit")
    return Rate(item.amount, item.get_expiry())


def checked_rate(text: str) -> str:
    """Return the text of a rate that can be read; ValueError."""
    rate_of(text)
    return text
