"""What Alembic runs for every command: migrates on the connection that `maestro.db.migrate` lends it."""

from alembic import context
from sqlalchemy import Column, Index
from sqlalchemy.schema import SchemaItem

from maestro.db.tables import Base


def can_be_compared(item: SchemaItem, *about: object) -> bool:
    """Leave out indexes on expressions that exist already: PostgreSQL tells an expression in words of its own.

    Alembic compares no conditions of indexes either. A test compares all that in PostgreSQL's words.
    """
    *_, existing = about
    return existing is None or not isinstance(item, Index) or all(isinstance(part, Column) for part in item.expressions)


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transaction_per_migration=True,
    compare_server_default=True,
    include_object=can_be_compared,
)
with context.begin_transaction():
    context.run_migrations()
