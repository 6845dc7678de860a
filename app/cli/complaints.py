"""What is wrong with a setting, in words for people; the value itself is never shown, it may be a secret."""

from collections.abc import Mapping
from typing import Any, Final

SAYINGS: Final[Mapping[str, str]] = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "is too small: at least {ge:,}",
    "int_parsing": "is not a whole number",
    "ip_any_network": "takes addresses and networks, like 10.0.0.7 or 10.0.0.0/8",
    "less_than_equal": "is too large: at most {le:,}",
    "string_pattern_mismatch": "does not match {pattern}",
    "time_delta_parsing": "is not a duration: write a number of seconds, or PT30S, PT15M, P14D",
    "too_short": "is too short: at least {min_length:,} characters",
    "value_error": "is not valid: {error}",
}


def complaint(problem: Mapping[str, Any]) -> str:
    """Return what follows the name of a setting to make a sentence."""
    saying = SAYINGS.get(problem["type"])
    return saying.format(**problem.get("ctx", {})) if saying else f"is not valid: {problem['msg']}"
