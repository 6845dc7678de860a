"""What a client sends to run an operation, the same over HTTP, WebSockets and server-sent events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from maestro.errors import BadRequest


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """One request to run an operation; its document comes as text, by its id, or by a hash in the extensions.

    The members are those of the specification GraphQL over HTTP and of its appendix on persisted documents.
    """

    text: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    operation_name: str | None = None
    extensions: Mapping[str, Any] = field(default_factory=dict)
    document_id: str | None = None


MOST_BRACKETS: Final = 100_000
"""Brackets that open in a body or a message: a list in JSON is two bytes, and to make one costs a hundred times that of
a digit."""


MOST_COMMAS: Final = 600_000
"""More than a document of a megabyte can hold, which is the largest that is stored."""


def is_too_dense(data: bytes) -> bool:
    """Say whether JSON holds more lists and objects, or more values, than is read; what stands in texts counts too."""
    return data.count(b"[") + data.count(b"{") > MOST_BRACKETS or data.count(b",") > MOST_COMMAS


def request_of(content: object) -> OperationRequest:
    """Return the request in a JSON value; BadRequest, with the member that is wrong, for what has not its form.

    That a document is named at all is for the one to check who looks for it.
    """
    if not isinstance(content, Mapping):
        raise BadRequest("A JSON object is expected.", hint='Send an object, like {"query": "{ __typename }"}.')
    return OperationRequest(
        text=_text(content, "query"),
        variables=_members(content, "variables"),
        operation_name=_text(content, "operationName"),
        extensions=_members(content, "extensions"),
        document_id=_text(content, "documentId"),
    )


def _text(content: Mapping[Any, Any], name: str) -> str | None:
    value = content.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"{name} has to be a text, or null.", field=name)
    return value


def _members(content: Mapping[Any, Any], name: str) -> Mapping[str, Any]:
    value = content.get(name)
    if value is not None and not isinstance(value, Mapping):
        raise BadRequest(f"{name} has to be a JSON object, or null.", field=name)
    return value or {}
