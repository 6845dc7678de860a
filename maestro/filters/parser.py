"""Read a filter text: recursive descent, one token ahead, every error with its place."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from maestro.filters.checking import check_operator, compare, storable
from maestro.filters.errors import FilterError, MismatchError, shown
from maestro.filters.lexer import Kind, Token, tokens
from maestro.filters.limits import MAX_TEXT, Budget
from maestro.filters.tree import Aggregate, Filter, Not, Operator, Space, all_of, any_of
from maestro.filters.vocabulary import LIST, RANGE, Subject, Vocabulary, nearest
from maestro.storable import UNSTORABLE

_KEYWORDS: Final = frozenset({"AND", "OR", "NOT", *(word for operator in Operator for word in operator.split())})
_ABSENT: Final = "NOT EXISTS"
_OPERATORS: Final = frozenset({*Operator, _ABSENT})
_FOREIGN: Final = {"==": "=", "<>": "!=", "=<": "<=", "=>": ">=", "&&": "AND", "&": "AND", "||": "OR", "|": "OR"}


def parse(text: str, vocabulary: Vocabulary) -> Filter:
    """Read a filter; raises FilterError, with the place, at the first thing that is wrong."""
    return Parser(text, vocabulary).parse()


class Expected(Enum):
    """What may come next."""

    SUBJECT = auto()
    OPERATOR = auto()
    VALUE = auto()
    CONNECTIVE = auto()
    PUNCTUATION = auto()


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the parser was about to read, and for what subject."""

    what: Expected
    subject: Subject | None = None


class Parser:
    """Reads one text once. `expectation` and `is_at_end` tell afterwards where reading stopped."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.expectation = Expectation(Expected.SUBJECT)
        self._text = text
        self._vocabulary = vocabulary
        self._budget = Budget()
        self._tokens = tokens(text)
        self._current = Token(Kind.OPEN, "", 0)

    def is_at_end(self) -> bool:
        return self._current.kind is Kind.END

    def parse(self) -> Filter:
        self._check_text()
        self._advance()
        if self.is_at_end():
            raise self._error(MismatchError("The filter is empty"), self._current)
        tree = self._disjunction()
        if self._current.kind is Kind.CLOSE:
            raise self._error(MismatchError("This parenthesis closes none"), self._current)
        if not self.is_at_end():
            raise self._unexpected("AND, OR or the end of the filter")
        return tree

    def _check_text(self) -> None:
        try:
            storable(self._text)
        except MismatchError as problem:
            unstorable = UNSTORABLE.search(self._text)
            position = unstorable.start() if unstorable else MAX_TEXT
            raise FilterError(problem, text=self._text, position=position, length=1) from None

    def _disjunction(self) -> Filter:
        members = [self._conjunction()]
        while self._accept("OR"):
            members.append(self._conjunction())
        return any_of(*members)

    def _conjunction(self) -> Filter:
        members = [self._negation()]
        while self._accept("AND"):
            members.append(self._negation())
        return all_of(*members)

    def _negation(self) -> Filter:
        start = self._current
        if self._accept("NOT"):
            with self._level(start):
                return Not(self._negation())
        if start.kind is Kind.OPEN:
            with self._level(start):
                return self._parenthesis()
        return self._comparison()

    def _parenthesis(self) -> Filter:
        opening = self._advance()
        tree = self._disjunction()
        if self.is_at_end():
            raise self._error(MismatchError("This parenthesis is never closed"), opening)
        self._take(Kind.CLOSE, "AND, OR or )")
        return tree

    def _comparison(self) -> Filter:
        self.expectation = Expectation(Expected.SUBJECT)
        start = self._current
        if start.kind is not Kind.PATH or start.text.upper() in _KEYWORDS:
            raise self._unexpected("a field to filter by")
        with self._at(start):
            self._budget.count_comparison()
            subject = self._subject(start)
        self._advance()
        comparison = self._claim(subject)
        self.expectation = Expectation(Expected.CONNECTIVE)
        return comparison

    def _claim(self, subject: Subject) -> Filter:
        self.expectation = Expectation(Expected.OPERATOR, subject)
        first, last, spelling = self._operator(subject)
        operator = Operator.EXISTS if spelling == _ABSENT else Operator(spelling)
        with self._at(first, last):
            check_operator(subject, operator)
        if operator is Operator.EXISTS:
            exists = compare(subject, operator, None)
            return Not(exists) if spelling == _ABSENT else exists
        self.expectation = Expectation(Expected.VALUE, subject)
        operands = self._operands(operator)
        values = [operand.literal() for operand in operands]
        try:
            return compare(subject, operator, values if operator in LIST | RANGE else values[0])
        except MismatchError as problem:
            if problem.index is None:
                raise self._error(problem, operands[0], operands[-1]) from None
            raise self._error(problem, operands[problem.index]) from None

    def _subject(self, token: Token) -> Subject:
        head, *rest = token.segments()
        space = self._vocabulary.space(head.text)
        if space is None:
            return self._vocabulary.field(token.text)
        if not rest:
            raise MismatchError(f"{head.text} needs a key", hint=f"Write {head.text}.<key>.")
        aggregate = Aggregate.LAST
        last = rest[-1]
        if space is Space.METRICS and len(rest) > 1 and not last.is_quoted and last.text.lower() in set(Aggregate):
            aggregate = Aggregate(rest.pop().text.lower())
        return self._vocabulary.key(space, ".".join(segment.text for segment in rest), aggregate)

    def _operator(self, subject: Subject) -> tuple[Token, Token, str]:
        """The first and the last token of an operator, and its spelling; NOT EXISTS is one here."""
        if self._current.kind not in (Kind.SYMBOL, Kind.PATH) or self._current.is_word("AND"):
            raise self._unexpected(f"an operator after {subject}")
        first = last = self._advance()
        spelling = first.text.upper()
        if spelling == "NOT":
            self.expectation = Expectation(Expected.PUNCTUATION)
            if self._current.kind is not Kind.PATH:
                raise self._unexpected("IN, LIKE, ILIKE, BETWEEN or EXISTS")
            last = self._advance()
            spelling = f"NOT {last.text.upper()}"
        if spelling not in _OPERATORS:
            problem = MismatchError(
                f"There is no operator {shown(self._text[first.position : last.end])}",
                suggestion=_FOREIGN.get(spelling) or nearest(spelling, (*subject.operators, _ABSENT)),
                hint=f"{subject} has {', '.join(subject.operators)}.",
            )
            raise self._error(problem, first, last)
        return first, last, spelling

    def _operands(self, operator: Operator) -> list[Token]:
        if operator in LIST:
            self._take(Kind.OPEN, "a list in parentheses")
            operands = [self._value()]
            while self._current.kind is Kind.COMMA:
                self._advance()
                operands.append(self._value())
            self._take(Kind.CLOSE, "a comma or )")
            return operands
        low = self._value()
        if operator not in RANGE:
            return [low]
        if not self._accept("AND"):
            raise self._unexpected("AND and the high end of the range")
        return [low, self._value()]

    def _value(self) -> Token:
        self.expectation = Expectation(Expected.VALUE, self.expectation.subject)
        token = self._current
        if token.kind not in (Kind.STRING, Kind.NUMBER, Kind.PATH) or token.text.upper() in _KEYWORDS:
            raise self._unexpected("a value")
        self.expectation = Expectation(Expected.PUNCTUATION, self.expectation.subject)
        return self._advance()

    def _advance(self) -> Token:
        passed, self._current = self._current, next(self._tokens)
        return passed

    def _accept(self, keyword: str) -> bool:
        if not self._current.is_word(keyword):
            return False
        self.expectation = Expectation(Expected.SUBJECT, self.expectation.subject)
        self._advance()
        return True

    def _take(self, kind: Kind, expected: str) -> None:
        if self._current.kind is not kind:
            raise self._unexpected(expected)
        self._advance()

    @contextmanager
    def _at(self, first: Token, last: Token | None = None) -> Iterator[None]:
        try:
            yield
        except MismatchError as problem:
            raise self._error(problem, first, last) from None

    @contextmanager
    def _level(self, start: Token) -> Iterator[None]:
        with self._at(start), self._budget.level():
            yield

    def _unexpected(self, expected: str) -> FilterError:
        token = self._current
        if self.is_at_end():
            return self._error(MismatchError(f"The filter ends where {expected} should stand"), token)
        suggestion = None
        if expected.startswith("AND, OR"):
            suggestion = _FOREIGN.get(token.text) or nearest(token.text, ("AND", "OR"))
        return self._error(MismatchError(f"Expected {expected}, not {shown(token.text)}", suggestion=suggestion), token)

    def _error(self, problem: MismatchError, first: Token, last: Token | None = None) -> FilterError:
        length = (last or first).end - first.position
        return FilterError(problem, text=self._text, position=first.position, length=length)
