"""What models of stored input share: names as in Python and on the wire, and nothing that is unknown or unstorable."""

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator
from pydantic.alias_generators import to_camel

from maestro.storable import UNSTORABLE


class Strict(BaseModel):
    """Read by the names of the fields, and by their names on the wire; what is unknown is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True)

    @field_validator("*")
    @classmethod
    def _is_storable(cls, value: Any) -> Any:
        if isinstance(value, str) and UNSTORABLE.search(value):
            raise ValueError("holds a NUL or half a character")
        return value
