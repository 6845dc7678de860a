"""What is looked at before a document is parsed: it never counts less than the parser does."""

import pytest
from graphql import GraphQLSyntaxError, Lexer, Source, TokenKind
from hypothesis import given
from hypothesis import strategies as st

from execution.bounds import BRACKETS, LONGEST, TOKENS, lexical_excess, tokens_of
from execution.limits import Excess, Measure

PARTS = [
    *[
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "...",
        "..",
        ".",
        ":",
        "=",
        "!",
        "|",
        "&",
        "@",
        "$",
        ",",
        " ",
        "\n",
        "\r",
        "\ufeff",
    ],
    *[
        "name",
        "_1",
        "0",
        "-1",
        "1.5",
        "1e9",
        "1.e",
        "-",
        "#",
        "# { \n",
        '"',
        '""',
        '"""',
        '"a"',
        '"\\""',
        "\\",
        '\\"""',
    ],
    *['"""a"""', '"""\\""""""', '"{"', '"""{[("""', "é", "\ud800"],
]


def lexed(text: str) -> int | None:
    """Count the tokens of a document as graphql-core reads it, comments included; None for what is no GraphQL."""
    lexer = Lexer(Source(text))
    token, count = lexer.token, 0
    try:
        while token.kind is not TokenKind.EOF:
            token = token.next or lexer.read_next_token(token.end)
            count += token.kind is not TokenKind.EOF
    except GraphQLSyntaxError:
        return None
    return count


@given(st.lists(st.sampled_from(PARTS), max_size=30).map("".join))
def test_tokens_are_counted_as_the_parser_reads_them(text: str) -> None:
    count = lexed(text)
    if count is not None:
        assert len(tokens_of(text)) == count


@pytest.mark.parametrize(
    ("text", "excess"),
    [
        ("{a}" + " " * LONGEST, Excess(Measure.CHARACTERS, LONGEST + 3, LONGEST)),
        ("{" + "a " * TOKENS + "}", Excess(Measure.TOKENS, TOKENS + 2, TOKENS)),
        ("#\n" * (TOKENS + 1), Excess(Measure.TOKENS, TOKENS + 1, TOKENS)),
        ("{" * 150, Excess(Measure.BRACKETS, 150, BRACKETS)),
        ("{a(b: " + "[" * 150 + "]" * 150 + ")}", Excess(Measure.BRACKETS, 152, BRACKETS)),
        ("{a(b: " + "{c: " * 150, Excess(Measure.BRACKETS, 152, BRACKETS)),
    ],
)
def test_a_document_beyond_a_bound_is_told_by_what(text: str, excess: Excess) -> None:
    assert lexical_excess(text) == excess


@pytest.mark.parametrize(
    "text", ['{a(b: "' + "{" * 200 + '")}', '{a(b: """' + "[" * 200 + '""")}', "{a} #" + "(" * 200]
)
def test_brackets_in_texts_and_comments_do_not_nest(text: str) -> None:
    assert lexical_excess(text) is None


@pytest.mark.parametrize("text", ['"' * 90_000, '"""' + "\\" * 90_000, '"' + "\\" * 90_000, "." * 90_000, "-" * 90_000])
def test_what_never_ends_is_scanned_once(text: str) -> None:
    assert len(tokens_of(text)) <= len(text)
