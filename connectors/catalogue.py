"""Which module opens connectors of which kind; it is imported when the first of them is opened, its driver with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, Final

from maestro.connector_rules import NOTHING, ConnectorRules
from maestro.credentials import Credential
from maestro.invocation import interpreter
from maestro.vendor_errors import DriverMissing
from maestro.vendors import Vendor


@dataclass(frozen=True, slots=True)
class Opener:
    """A function `open(config, credential)` that is an asynchronous context manager, and the extra that it needs.

    One that `takes_rules` is given what connectors may use of this machine as well.
    """

    module: str
    function: str
    extra: str | None = None
    takes_rules: bool = False


OPENERS: Final[dict[str, Opener]] = {
    "AZURE_BLOB": Opener("connectors.stores.azure_blob", "open_azure_blob", "azure"),
    "BIGQUERY": Opener("connectors.sql.bigquery", "bigquery_source", "bigquery"),
    "GCS": Opener("connectors.stores.gcs.opening", "open_gcs", "gcs", takes_rules=True),
    "LOCAL": Opener("connectors.stores.opening", "open_local", takes_rules=True),
    "MLFLOW": Opener("connectors.tracking.mlflow_source", "open_mlflow", extra="mlflow"),
    "MONGODB": Opener("connectors.documents.mongodb", "mongodb_source", "mongodb"),
    "MYSQL": Opener("connectors.sql.mysql", "mysql_source", "mysql"),
    "POSTGRESQL": Opener("connectors.sql.postgresql", "postgresql_source", "dataframes"),
    "S3": Opener("connectors.stores.s3.opening", "open_s3", takes_rules=True),
    "SNOWFLAKE": Opener("connectors.sql.snowflake", "snowflake_source", "snowflake"),
}
"""By the kinds of connectors."""
_OURS: Final = frozenset({"connectors", "maestro"})


@asynccontextmanager
async def opened(
    kind: str, config: Vendor, credential: Credential | None, *, rules: ConnectorRules = NOTHING
) -> AsyncIterator[Any]:
    """Open a connector for a block: an ObjectStore, SqlSource, DocumentSource or TrackingSource, as its kind is.

    The rules say what it may use of this machine; nothing unless they are given. DriverMissing, with the command that
    installs it; the errors of the vendor's module.
    """
    opener, driver = OPENERS[kind], driver_of(kind)
    given = (config, credential, rules) if opener.takes_rules else (config, credential)
    async with getattr(driver, opener.function)(*given) as connector:
        yield connector


def driver_of(kind: str) -> ModuleType:
    """Return the module that opens connectors of a kind, imported; DriverMissing."""
    opener = OPENERS[kind]
    try:
        return import_module(opener.module)
    except ModuleNotFoundError as error:
        if opener.extra is None or (error.name or "").split(".")[0] in _OURS:
            raise
        raise DriverMissing(
            f"Connectors of kind {kind} need the library {error.name}, which is not installed here.",
            hint="Run `make connectors`, or "
            f"`{interpreter()} -m pip install --require-hashes -r requirements/connectors.txt`, then start again.",
            extra=opener.extra,
        ) from None
