"""Params in the schema: the typed inputs of a run."""

import orjson
import strawberry
from strawberry.scalars import JSON

from execution.declare import column, computed
from maestro.db.rows import Row
from maestro.db.tables.enums import ParamType
from schema.nodes import RowBacked


@strawberry.type(description="An input of a run: a learning rate, the name of a data set.")
class Param(RowBacked):
    """A param's row."""

    row: strawberry.Private[Row]
    key: str = column("The key.")
    type: ParamType = column("The type that it was logged with.")
    number: float | None = column("The value as a number; null unless it is one.")
    text: str = column("The value as a text, for people.")

    @computed("type", "text", "number", description="The value with its type: a number, a text, a list, …")
    def value(self) -> JSON | None:
        """Return the value as it was logged."""
        match self.row.type:
            case ParamType.STRING:
                return JSON(self.row.text)
            case ParamType.FLOAT:
                return JSON(self.row.number)
            case _:
                # Integers, booleans, null and JSON are kept as JSON spells them.
                return JSON(orjson.loads(self.row.text))


@strawberry.input(description="A param to log.")
class ParamInput:
    """One param."""

    key: str = strawberry.field(description="The key: 1 to 250 characters.")
    value: JSON | None = strawberry.field(
        default=None,
        description="A finite number, a text, true, false, null, a list or an object; as text at most 100,000 long.",
    )
