"""Credentials of connectors in the schema: inputs that are written and never read, made from the table of vendors."""

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import strawberry
from strawberry import UNSET
from strawberry.types import Info

import resolvers.connector_secrets
from maestro.access import Permission
from maestro.credentials import CREDENTIALS, Credential
from maestro.ids import Kind, uuid_of
from maestro.vendors import VENDORS
from schema.connections import given
from schema.connectors import Connector, ConnectorId
from schema.guards import mutation


def _credential_input(credential: type[Credential]) -> type:
    annotations: dict[str, Any] = {}
    attributes = {}
    for name, text in credential.model_fields.items():
        is_left_out = not text.is_required()
        annotations[name] = text.annotation
        attributes[name] = strawberry.field(description=text.description, **({"default": UNSET} if is_left_out else {}))
    made = type(
        f"{credential.__name__}Input", (), {"__annotations__": annotations, "__module__": __name__, **attributes}
    )
    return strawberry.input(made, description=credential.__doc__)


def _secret_input() -> type:
    annotations, attributes = {}, {}
    for kind, credential in CREDENTIALS.items():
        annotations[kind.lower()] = _credential_input(credential) | None
        attributes[kind.lower()] = strawberry.field(default=UNSET, description=str(VENDORS[kind].__doc__))
    made = type("ConnectorSecretInput", (), {"__annotations__": annotations, "__module__": __name__, **attributes})
    return strawberry.input(
        made,
        one_of=True,
        description="The credential of a connector: the member of its kind, exactly one. It is never answered.",
    )


if TYPE_CHECKING:
    # A type made from data is no type to a checker.
    ConnectorSecretInput: TypeAlias = Any
else:
    ConnectorSecretInput = _secret_input()


@strawberry.type
class ConnectorSecretMutations:
    """Root fields."""

    @mutation(
        Permission.SECRET_MANAGE,
        description="Set the credential of a connector in place of the one that it has. It is stored encrypted, nobody "
        "can read it, and the connector counts as untested. Send the texts in variables.",
    )
    async def set_connector_secret(
        self,
        info: Info[Any, Any],
        id: ConnectorId,
        secret: Annotated[ConnectorSecretInput, strawberry.argument(description="The credential.")],
    ) -> Connector:
        """Set."""
        texts = given(secret)
        row = await resolvers.connector_secrets.put(info.context, uuid_of(Kind.Connector, id), texts)
        return Connector(row=row)

    @mutation(
        Permission.SECRET_MANAGE,
        description="Remove the credential of a connector, which then counts as untested.",
    )
    async def remove_connector_secret(self, info: Info[Any, Any], id: ConnectorId) -> Connector:
        """Remove."""
        row = await resolvers.connector_secrets.remove(info.context, uuid_of(Kind.Connector, id))
        return Connector(row=row)
