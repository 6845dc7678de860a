"""What is looked at before a document is parsed, and before it is validated, whoever sends it.

Reading one document holds up everybody else. The bounds keep that within 50 ms of a processor, hostile ones included;
they are measured by `python -m loadtests.figures hostile`.
"""

import re
from typing import Final

from execution.limits import Excess, Measure

LONGEST: Final = 100_000
"""The longest document in characters: few tokens may hold long texts, or be far between."""
TOKENS: Final = 4_000
"""The longest document in tokens of the language, comments included; what it works on travels in variables."""
BRACKETS: Final = 100
"""How deep brackets nest, of selections and values alike: the parser calls itself for each."""
DEFINITIONS: Final = 100
"""Operations and fragments of one document."""
SELECTIONS: Final = 800
"""Fields and fragments as they are written in one document: validation looks at each many times."""
NESTING: Final = 150
"""How deep selections nest with all fragments put in."""
OVERLAPS: Final = 10_000
"""Comparisons between fields and fragments that validation may make, as graphql-core counts them."""

_TOKEN: Final = re.compile(
    r'''
    \#[^\n\r]*+
    | """(?:[^"\\]++ | \\""" | \\(?!""") | "(?!""))*+(?:""")?
    | "(?:[^"\\\n\r]++ | \\.)*+"?
    | [^\W\d]\w*+
    | -?\d++(?:\.\d++)?(?:[eE][+-]?\d++)?
    | \.\.\.
    | [^\s,\ufeff]
    ''',
    re.VERBOSE,
)
"""A token. It never counts fewer than the parser does, and takes brackets in texts and comments for what they are."""
_STEP: Final = {"{": 1, "[": 1, "(": 1, "}": -1, "]": -1, ")": -1}


def lexical_excess(text: str) -> Excess | None:
    """Return what a document that is not parsed yet has too much of."""
    if len(text) > LONGEST:
        return Excess(Measure.CHARACTERS, len(text), LONGEST)
    tokens = tokens_of(text)
    if len(tokens) > TOKENS:
        return Excess(Measure.TOKENS, len(tokens), TOKENS)
    depth = deepest = 0
    for token in tokens:
        depth += _STEP.get(token, 0)
        deepest = max(deepest, depth)
    return Excess(Measure.BRACKETS, deepest, BRACKETS) if deepest > BRACKETS else None


def tokens_of(text: str) -> list[str]:
    """Return the tokens of a document, comments among them."""
    return _TOKEN.findall(text)
