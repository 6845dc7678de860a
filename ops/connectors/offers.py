"""What only some vendors offer: of which kinds connectors have it, so that nobody is asked in vain."""

from collections.abc import Mapping
from typing import Final

from maestro.db.tables.enums import ConnectorKind
from maestro.vendor_errors import NotSupported
from ops.connectors.opening import Target

Kinds = tuple[ConnectorKind, ...]
SNOWFLAKE: Final[Kinds] = (ConnectorKind.SNOWFLAKE,)
BIGQUERY: Final[Kinds] = (ConnectorKind.BIGQUERY,)
WAREHOUSES: Final[Kinds] = SNOWFLAKE + BIGQUERY
GCS: Final[Kinds] = (ConnectorKind.GCS,)
AZURE: Final[Kinds] = (ConnectorKind.AZURE_BLOB,)
RULED: Final[Kinds] = (ConnectorKind.S3, ConnectorKind.GCS)
"""Stores whose own rules and versions are looked after from here; an account of Azure keeps its from its containers."""
CLOUDS: Final[Kinds] = RULED + AZURE
STORES: Final[Kinds] = (*CLOUDS, ConnectorKind.LOCAL)
NAMES: Final[Mapping[ConnectorKind, str]] = {
    ConnectorKind.S3: "bucket",
    ConnectorKind.GCS: "bucket",
    ConnectorKind.AZURE_BLOB: "container",
    ConnectorKind.LOCAL: "folder",
}
"""The setting that names what a store lies in."""


def require(target: Target, kinds: Kinds, what: str) -> None:
    """Raise NotSupported unless a connector is of one of some kinds."""
    if target.kind not in kinds:
        raise NotSupported(
            f"A connector of kind {target.kind} has no {what}.", hint=f"Ask one of kind {' or '.join(kinds)} for it."
        )


def name_of(target: Target) -> str:
    """Return the name of the bucket, container or folder of a store."""
    name: str = getattr(target.config, NAMES[target.kind])
    return name
