"""Stores by the texts that name them: a folder, `s3://bucket/prefix`, `gs://…`, `az://account/container/prefix`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr

from connectors.catalogue import driver_of
from connectors.stores.capability import ObjectStore
from connectors.stores.local import LocalStore
from maestro.errors import InvalidInput
from maestro.settings import Settings
from maestro.threads import in_thread

FOLDER: Final = "backups"
"""The folder of the data folder in which backups lie unless a setting says otherwise."""
_HINT: Final = (
    "A store is a folder, like /var/backups/maestro, or a bucket, like s3://bucket/prefix, gs://bucket/prefix or "
    "az://account/container/prefix."
)


def location_of(settings: Settings) -> str:
    """Return where the backups of a server lie."""
    return settings.backup_store or str((settings.data_dir / FOLDER).absolute())


@asynccontextmanager
async def store_of(location: str, settings: Settings) -> AsyncIterator[ObjectStore]:
    """Open the store that a text names for a block: `s3://bucket/prefix`, `gs://…`, `az://…`, `file:///…` or a folder.

    InvalidInput for a text that names none; DriverMissing. That it can be reached is not tried; see `probe`.
    """
    parts = urlsplit(location)
    if parts.scheme == "s3":
        # The driver takes a second to import, and most servers never need it.
        from connectors.stores.s3 import S3Config, s3_store  # noqa: PLC0415

        config = S3Config(
            bucket=_bucket(parts.netloc),
            prefix=parts.path,
            endpoint_url=settings.backup_s3_endpoint,
            region=settings.backup_s3_region,
            access_key_id=settings.backup_s3_access_key_id,
            secret_access_key=settings.backup_s3_secret_access_key,
            is_path_style=settings.backup_s3_path_style,
        )
        async with s3_store(config) as store:
            yield store
    elif parts.scheme == "gs":
        async with _gcs(parts, settings) as store:
            yield store
    elif parts.scheme == "az":
        async with _azure(parts, settings) as store:
            yield store
    else:
        yield LocalStore(_folder(location))


@asynccontextmanager
async def _gcs(parts: SplitResult, settings: Settings) -> AsyncIterator[ObjectStore]:
    driver, file = driver_of("GCS"), settings.backup_gcs_credentials_file
    config = driver.GcsConfig(
        bucket=_bucket(parts.netloc),
        prefix=parts.path,
        endpoint_url=settings.backup_gcs_endpoint,
        service_account=None if file is None else await in_thread(lambda _: _secret(file)),
        is_ambient=file is None,
    )
    async with driver.gcs_store(config) as store:
        yield store


def _secret(path: Path) -> SecretStr:
    try:
        return SecretStr(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"The file with the key of the service account cannot be read: {type(error).__name__}.",
            field="MAESTRO_BACKUP_GCS_CREDENTIALS_FILE",
        ) from None


@asynccontextmanager
async def _azure(parts: SplitResult, settings: Settings) -> AsyncIterator[ObjectStore]:
    container, _, prefix = parts.path.lstrip("/").partition("/")
    driver = driver_of("AZURE_BLOB")
    config = driver.AzureConfig(
        account=_bucket(parts.netloc),
        container=_bucket(container),
        prefix=prefix,
        endpoint_url=settings.backup_azure_endpoint,
        account_key=settings.backup_azure_account_key,
        sas_token=settings.backup_azure_sas_token,
    )
    async with driver.azure_store(config) as store:
        yield store


def _bucket(name: str) -> str:
    if not name or "@" in name or ":" in name:
        # It may hold a password, so it is not shown.
        raise InvalidInput("This names no bucket.", field="location", hint=f"{_HINT} Its keys are settings.")
    return name


def _folder(location: str) -> Path:
    parts = urlsplit(location)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return Path(unquote(parts.path))
    if not location.strip() or "://" in location:
        raise InvalidInput(f"There are no stores of the kind {parts.scheme[:20]!r}.", field="location", hint=_HINT)
    return Path(location)
