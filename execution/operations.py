"""Documents that are prepared once, parsed, measured and validated, and kept for those who send them again."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from graphql import GraphQLError, GraphQLSchema, GraphQLSyntaxError, lexicographic_sort_schema, parse, print_schema

from execution.bounds import LONGEST, OVERLAPS, lexical_excess
from execution.limits import Excess, Measure
from execution.measures import measured
from execution.prepared import Prepared
from execution.validating import TooMuchOverlap, validated

DOCUMENTS: Final = 1_000
"""So many good documents are kept."""
CHARACTERS: Final = 1_000_000
"""So long they are together: a parsed document takes about 50 bytes of memory a character."""
OTHERS: Final = 100
"""So many are kept that are refused, or not validated yet; they cannot push good ones out."""
OTHER_CHARACTERS: Final = 200_000


@dataclass(frozen=True, slots=True)
class CacheStats:
    """How often a document was found, and what is kept; `others` are refused, or not validated yet."""

    hits: int
    misses: int
    evictions: int
    documents: int
    characters: int
    others: int


class _Kept:
    """Documents by their hash, the latest used last, bounded by their number and their length."""

    def __init__(self, documents: int, characters: int) -> None:
        self._most, self._longest = documents, characters
        self._documents: OrderedDict[str, Prepared] = OrderedDict()
        self.characters = 0
        self.evictions = 0

    def __len__(self) -> int:
        return len(self._documents)

    def get(self, sha256: str) -> Prepared | None:
        """Return a document, which is then the latest used."""
        found = self._documents.get(sha256)
        if found is not None:
            self._documents.move_to_end(sha256)
        return found

    def put(self, one: Prepared) -> None:
        """Keep a document, and push out those that were not used for longest."""
        self.drop(one.sha256)
        self._documents[one.sha256] = one
        self.characters += len(one.text)
        while len(self._documents) > self._most or self.characters > self._longest:
            _, pushed = self._documents.popitem(last=False)
            self.characters -= len(pushed.text)
            self.evictions += 1

    def drop(self, sha256: str) -> None:
        """Forget a document, if it is there."""
        dropped = self._documents.pop(sha256, None)
        if dropped is not None:
            self.characters -= len(dropped.text)


class OperationCache:
    """Prepares the documents of one schema; `refuse` makes the error for a document that is beyond a bound."""

    def __init__(
        self,
        refuse: Callable[[Excess], GraphQLError],
        *,
        documents: int = DOCUMENTS,
        characters: int = CHARACTERS,
    ) -> None:
        self._refuse = refuse
        self._schema: GraphQLSchema | None = None
        self._fingerprint: str | None = None
        self._good = _Kept(documents, characters)
        self._others = _Kept(OTHERS, OTHER_CHARACTERS)
        self._hits = self._misses = 0

    def serve(self, schema: GraphQLSchema) -> None:
        """Validate against this schema from now on; what was validated against another one is validated again."""
        self._schema, self._fingerprint = schema, None

    @property
    def schema(self) -> GraphQLSchema:
        """The schema; LookupError before there is one."""
        if self._schema is None:
            raise LookupError("There is no schema yet to validate documents against.")
        return self._schema

    @property
    def fingerprint(self) -> str:
        """A hash of the schema's definition, the same in every process that serves it."""
        if self._fingerprint is None:
            self._fingerprint = _sha256(print_schema(lexicographic_sort_schema(self.schema)))
        return self._fingerprint

    @property
    def stats(self) -> CacheStats:
        """How the cache does."""
        good, others = self._good, self._others
        return CacheStats(self._hits, self._misses, good.evictions, len(good), good.characters, len(others))

    def prepare(self, text: str) -> Prepared:
        """Return a document, parsed and measured; its errors are found out when they are first asked for."""
        sha256 = _sha256(text)
        found = self._good.get(sha256) or self._others.get(sha256)
        if found is not None and found.schema is self.schema:
            self._hits += 1
            return found
        self._misses += 1
        # What was parsed stays so, but what is known of it may not fit another schema.
        made = Prepared(text, sha256, self.schema, settle=self._settle)
        if found is None:
            self._read(made)
        else:
            made.take_over(found)
            self._good.drop(sha256)
        if len(text) <= LONGEST:
            self._others.put(made)
        return made

    def _read(self, made: Prepared) -> None:
        excess = lexical_excess(made.text)
        if excess is None:
            try:
                made.document = parse(made.text)
            except GraphQLSyntaxError as error:
                made.refusal = error.with_traceback(None)
                return
            made.measured = measured(made.document)
            excess = made.measured.excess()
        if excess is not None:
            made.refusal = self._refuse(excess)

    def _settle(self, one: Prepared, *, hints: bool) -> list[GraphQLError]:
        """Validate a document, and keep it among the good ones when it is one of them."""
        if one.document is None:
            return []
        try:
            errors = validated(one.schema, one.document, hints=hints)
        except TooMuchOverlap:
            return [self._refuse(Excess(Measure.OVERLAPS, None, OVERLAPS))]
        if not errors:
            self._others.drop(one.sha256)
            self._good.put(one)
        return errors


def _sha256(text: str) -> str:
    # A text from JSON may hold half of a surrogate pair.
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
