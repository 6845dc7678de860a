"""Numbers as people read them."""

import math
from typing import Any, Final

UNKNOWN: Final = "\N{EN DASH}"
"""What stands for a value that was not measured."""


def number(value: Any, unit: str = "") -> str:
    """Return a number as people read it; a dash for what was not measured."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return UNKNOWN
    if isinstance(value, float) and math.isinf(value):
        return "never"
    whole = abs(value) >= 100 or value == int(value)  # noqa: PLR2004 -- from 100 on no decimals
    return f"{value:,.0f} {unit}".strip() if whole else f"{value:,.3g} {unit}".strip()
