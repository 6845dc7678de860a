"""Opening a bucket of S3, or of a server that speaks its protocol, as connectors lead to one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connectors.stores.s3.bucket import S3Config
from connectors.stores.s3.errors import OF_A_CONNECTOR
from connectors.stores.s3.store import S3Store, s3_store
from maestro.connector_rules import ConnectorRules
from maestro.credentials import S3Credential
from maestro.vendors import S3


@asynccontextmanager
async def open_s3(config: S3, credential: S3Credential | None, rules: ConnectorRules) -> AsyncIterator[S3Store]:
    """Open a bucket for a block; without a credential anonymously, or with the machine's own where that is allowed."""
    is_path_style = config.endpoint_url is not None if config.is_path_style is None else config.is_path_style
    opened = S3Config(
        bucket=config.bucket,
        prefix=config.prefix,
        endpoint_url=config.endpoint_url,
        region=config.region,
        access_key_id=None if credential is None else credential.access_key_id.get_secret_value(),
        secret_access_key=None if credential is None else credential.secret_access_key,
        session_token=None if credential is None else credential.session_token,
        is_anonymous=credential is None and not rules.has_ambient_credentials,
        is_path_style=is_path_style,
        advice=OF_A_CONNECTOR,
    )
    async with s3_store(opened) as store:
        yield store
