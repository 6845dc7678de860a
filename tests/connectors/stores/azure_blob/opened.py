"""Containers of azurite, as the tests open them."""

from typing import Any
from uuid import uuid4

from pydantic import SecretStr

from connectors.stores.azure_blob import AzureConfig
from tests.fixtures.azurite_server import ACCOUNT, ACCOUNT_KEY


def config_of(address: str, **changes: Any) -> AzureConfig:
    """A container of the server at an address that is not there yet, and what opens it."""
    given: dict[str, Any] = {
        "account": ACCOUNT,
        "container": f"c-{uuid4().hex}",
        "prefix": "/maestro/backups",
        "endpoint_url": address,
        "account_key": SecretStr(ACCOUNT_KEY),
        "tries": 2,
    }
    return AzureConfig(**{**given, **changes})
