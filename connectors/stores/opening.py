"""Opening a folder of the server as a store, as connectors of kind LOCAL lead to one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connectors.stores.capability import ObjectStore
from connectors.stores.local import LocalStore
from maestro.connector_rules import ConnectorRules, allowed_folder
from maestro.credentials import Credential
from maestro.vendors import Local


@asynccontextmanager
async def open_local(
    config: Local,
    credential: Credential | None,  # noqa: ARG001 -- as all openers
    rules: ConnectorRules,
) -> AsyncIterator[ObjectStore]:
    """Open a folder for a block, in which no links are followed; InvalidInput for one that is not allowed."""
    yield LocalStore(allowed_folder(config.folder, rules), follows_links=False)
