"""What the client calls its operation, kept for the audit log."""

from collections.abc import Iterator
from typing import Final

from strawberry.extensions import SchemaExtension

LONGEST: Final = 200
"""Of longer names, so many characters are kept."""


class OperationNaming(SchemaExtension):
    """Puts the name into the context of the operation."""

    def on_execute(self) -> Iterator[None]:
        """Note it, whether it was sent beside the document or stands in it."""
        name = self.execution_context.operation_name
        self.execution_context.context.operation_name = None if name is None else name[:LONGEST]
        yield
