"""The settings of what operations may be, and of who may learn the schema: a part of the server's settings."""

from enum import StrEnum
from typing import Annotated

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_settings import BaseSettings, NoDecode

from maestro.db.tables.enums import Role


class Profile(StrEnum):
    """What a server is for; it decides what other settings are unless they are set."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Audience(StrEnum):
    """To whom something is shown; people are those who are signed in by a browser, not by an API key."""

    EVERYBODY = "everybody"
    PEOPLE = "people"
    NOBODY = "nobody"


class RoleLimits(BaseModel):
    """Limits that a role has instead of everybody's."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=True)

    depth: int | None = Field(default=None, ge=1)
    aliases: int | None = Field(default=None, ge=0)
    directives: int | None = Field(default=None, ge=0)
    root_fields: int | None = Field(default=None, ge=1)
    fields: int | None = Field(default=None, ge=1)
    cost: int | None = Field(default=None, ge=1)


def parsed(value: object) -> object:
    """Read a text of an environment as JSON."""
    try:
        return orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        raise ValueError('it takes JSON, like {"name": "value"}') from None


Parsed = BeforeValidator(parsed)


class OperationSettings(BaseSettings):
    """What operations may be at most, and who may learn the schema."""

    profile: Profile = Field(
        default=Profile.DEVELOPMENT,
        description="What the server is for. It decides who may learn the schema, unless the two settings below do.",
    )
    introspection: Audience | None = Field(
        default=None,
        description=(
            "Who may ask for the schema by `__schema` and `__type`. `people` are those who are signed in by a browser; "
            "everybody unless set, in production people."
        ),
    )
    suggestions: Audience | None = Field(
        default=None,
        description=(
            "Whose errors guess at the name that was meant, which tells names of the schema; everybody unless set, in "
            "production people."
        ),
    )
    max_depth: int = Field(default=15, ge=1, le=150, description="How deep fields may nest in an operation.")
    max_aliases: int = Field(default=200, ge=0, description="Aliases of an operation, with all fragments put in.")
    max_directives: int = Field(default=100, ge=0, description="Directives of an operation, with all fragments put in.")
    max_root_fields: int = Field(default=50, ge=1, description="Fields at the root of an operation.")
    max_fields: int = Field(default=2_000, ge=1, description="Fields of an operation, with all fragments put in.")
    max_cost: int = Field(default=500_000, ge=1, description="Objects that the answer to one operation may hold.")
    role_limits: Annotated[dict[Role, RoleLimits], NoDecode, Parsed] = Field(
        default={},
        description=(
            'Limits of roles that take the place of these, like `{"VIEWER": {"depth": 8, "cost": 50000}}`; the others '
            "are `aliases`, `directives`, `rootFields` and `fields`."
        ),
    )

    @property
    def introspection_for(self) -> Audience:
        """Who may ask for the schema."""
        return self.introspection or self._shown

    @property
    def suggestions_for(self) -> Audience:
        """Whose errors guess at names."""
        return self.suggestions or self._shown

    @property
    def _shown(self) -> Audience:
        return Audience.EVERYBODY if self.profile is Profile.DEVELOPMENT else Audience.PEOPLE
