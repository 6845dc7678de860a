"""Use cases of the credentials of connectors: they are set and removed, and never read."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from pydantic.alias_generators import to_camel
from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert

from maestro.credentials import CREDENTIALS, Credential, checked
from maestro.db.rows import Row
from maestro.db.tables import Connector, ConnectorSecret
from maestro.db.tables.enums import ConnectorKind, ConnectorStatus
from maestro.errors import InvalidInput
from ops.connector_secrets import place_of
from resolvers.context import Context
from resolvers.writing import Lock, Writer, writing

_UNTESTED: Final[dict[str, Any]] = {"status": ConnectorStatus.UNTESTED, "last_test": None}


async def put(ctx: Context, key: UUID, given: Mapping[str, Any]) -> Row:
    """Encrypt and store the credential of a connector in place of the one that it has; it then counts as untested.

    `given` names the kind with its texts. InvalidInput for a text that cannot be and for another kind, NotFound,
    Conflict when the connector is in the trash.
    """
    ((name, texts),) = given.items()
    kind = ConnectorKind(name.upper())
    credential = checked(kind, texts, field=f"secret.{to_camel(name)}")
    async with writing(ctx) as writer:
        connector = await writer.in_use(Connector, key, lock=Lock.CHANGE)
        if connector.kind != kind:
            raise InvalidInput(
                f"This connector is of kind {connector.kind}; a credential of {kind} does not fit.",
                field="secret",
                hint=_wanted(ConnectorKind(connector.kind)),
            )
        await _store(writer, key, credential)
        return await writer.change(Connector, key, **_UNTESTED)


async def remove(ctx: Context, key: UUID) -> Row:
    """Remove the credential of a connector, which then counts as untested; nothing is changed where there is none.

    NotFound, Conflict when the connector is in the trash.
    """
    async with writing(ctx) as writer:
        connector = await writer.in_use(Connector, key, lock=Lock.CHANGE)
        table = ConnectorSecret.__table__.c
        query = delete(ConnectorSecret).where(table.connector_id == key, table.organization_id == ctx.organization_id)
        if not await writer.tx.fetch(query.returning(table.connector_id)):
            return connector
        writer.changed(Connector, key, before={"secret": True}, after={})
        return await writer.change(Connector, key, **_UNTESTED)


async def _store(writer: Writer, key: UUID, credential: Credential) -> None:
    organization, vault = writer.ctx.organization_id, writer.ctx.runtime.vault
    sealed = vault.seal(credential.sealable(), belongs_to=place_of(organization, key))
    values = {
        "key_id": sealed.key_id,
        "wrapped_key": sealed.wrapped_key,
        "ciphertext": sealed.ciphertext,
        "set_at": func.now(),
        "set_by_id": writer.ctx.viewer.actor_id,
    }
    query = insert(ConnectorSecret).values(connector_id=key, organization_id=organization, **values)
    await writer.tx.fetch(query.on_conflict_do_update(index_elements=["connector_id"], set_=values))
    # The log redacts it by its name.
    writer.changed(Connector, key, before={}, after={"secret": True})


def _wanted(kind: ConnectorKind) -> str:
    return f"Give `{to_camel(kind.lower())}`." if kind in CREDENTIALS else "A connector of this kind takes none."
