"""Outcomes of mutations that a client has to branch on, made from the exceptions that resolvers raise."""

from typing import Any

import strawberry
from strawberry.schema.exception_handlers import ExceptionHandler
from strawberry.types import Info
from strawberry.types.field import StrawberryField

from maestro import errors
from maestro.ids import Kind
from schema.nodes import Node, node_of


@strawberry.type(description="Another object has this name; choose another, or restore or rename the one that has it.")
class NameTaken:
    """The payload's member for `maestro.errors.NameTaken`."""

    code: str = strawberry.field(description="Always NAME_TAKEN.")
    message: str = strawberry.field(description="What is wrong, for people.")
    field: str = strawberry.field(description="The input field whose value is taken.")


@strawberry.type(description="Somebody changed the object first; look at its current state and send the change again.")
class StaleVersion:
    """The payload's member for `maestro.errors.StaleVersion`."""

    code: str = strawberry.field(description="Always STALE_VERSION.")
    message: str = strawberry.field(description="What is wrong, for people.")
    current: Node = strawberry.field(description="The object as it is now.")


class NameTakenHandler(ExceptionHandler[errors.NameTaken, NameTaken]):
    """Answers a used name where the payload has a place for it."""

    def handle(self, exception: errors.NameTaken, *, field: StrawberryField, info: Info) -> NameTaken:  # noqa: ARG002 -- Strawberry's signature
        """Return the outcome for an exception."""
        return NameTaken(code=exception.code, message=exception.message, field=str(exception.details.get("field")))


class StaleVersionHandler(ExceptionHandler[errors.StaleVersion, StaleVersion]):
    """Answers an outdated version where the payload has a place for it."""

    def handle(self, exception: errors.StaleVersion, *, field: StrawberryField, info: Info) -> StaleVersion:  # noqa: ARG002 -- Strawberry's signature
        """Return the outcome for an exception."""
        kind = Kind[exception.noun]
        return StaleVersion(code=exception.code, message=exception.message, current=node_of(kind, exception.current))


HANDLERS: list[ExceptionHandler[Any, Any]] = [NameTakenHandler(), StaleVersionHandler()]
