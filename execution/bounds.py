"""How long a document may be: to read one holds up everybody else, and those that were read are kept in memory."""

from collections.abc import Iterator
from typing import Final

from graphql import GraphQLSyntaxError, Source
from strawberry.extensions import SchemaExtension

LONGEST: Final = 256 * 1024
"""The longest document in characters: few tokens may hold long texts, or be far between."""


def check(text: str) -> None:
    """Raise GraphQLSyntaxError for a document that is too long to be read."""
    if len(text) > LONGEST:
        told = f"The document has {len(text):,} characters, and at most {LONGEST:,} are read. Use variables."
        raise GraphQLSyntaxError(Source(text), 0, told)


class BoundedLength(SchemaExtension):
    """Refuses documents that are too long. Comes before the extension that parses."""

    def on_parse(self) -> Iterator[None]:
        """Measure the document."""
        check(self.execution_context.query or "")
        yield
