"""People in the schema."""

from datetime import datetime

import strawberry

from execution.declare import column
from maestro.ids import Kind
from schema.actors import Actor


@strawberry.type(description="A person.")
class User(Actor, kind=Kind.User):
    """A user's row."""

    name: str = column("The name to show.")
    email: str = column("The e-mail address.")
    created_at: datetime = column("When they were first seen.")
