"""The filter language: one tree with two fronts, a text and a structured value."""

from maestro.filters.editing import Suggestion, SuggestionKind, complete, validate
from maestro.filters.errors import FilterError
from maestro.filters.inputs import from_input
from maestro.filters.parser import parse
from maestro.filters.render import fingerprint, to_text
from maestro.filters.tree import (
    Aggregate,
    And,
    Comparison,
    Filter,
    Not,
    Operator,
    Or,
    Scalar,
    Space,
    Target,
    all_of,
    any_of,
    combine,
)
from maestro.filters.vocabulary import Field, KeySpace, Subject, ValueType, Vocabulary

__all__ = [
    "Aggregate",
    "And",
    "Comparison",
    "Field",
    "Filter",
    "FilterError",
    "KeySpace",
    "Not",
    "Operator",
    "Or",
    "Scalar",
    "Space",
    "Subject",
    "Suggestion",
    "SuggestionKind",
    "Target",
    "ValueType",
    "Vocabulary",
    "all_of",
    "any_of",
    "combine",
    "complete",
    "fingerprint",
    "from_input",
    "parse",
    "to_text",
    "validate",
]
