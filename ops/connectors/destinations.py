"""Where connectors lead: looked at before anything is sent there, since whoever makes a connector names the place.

A name is resolved here and once more by the vendor's driver; between the two it could change. Against that helps a
firewall around the server, as the guide says.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from connectors.reaching import addresses_of, is_denied
from maestro.access.addresses import network_of
from maestro.connector_settings import ConnectorSettings
from maestro.db.tables.enums import ConnectorKind
from maestro.vendor_errors import DestinationRefused
from maestro.vendors import AzureBlob, Snowflake, Vendor

PORTS: Final = {"https": 443, "http": 80}
ADDRESSES: Final = ("endpoint_url", "tracking_uri", "api_endpoint", "endpoint")
"""Settings of vendors that are an address; it takes the place of the vendor's own."""
ASIDE: Final = "storage_endpoint_url"
"""A setting that is the address of what is asked besides."""
PUBLIC: Final = {
    ConnectorKind.S3: "s3.amazonaws.com",
    ConnectorKind.GCS: "storage.googleapis.com",
    ConnectorKind.BIGQUERY: "bigquery.googleapis.com",
}


@dataclass(frozen=True, slots=True)
class Destination:
    """A host and a port, and whether what is spoken there begins with TLS."""

    host: str
    port: int
    is_tls: bool = False

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def destinations_of(kind: ConnectorKind, config: Vendor) -> tuple[Destination, ...]:
    """Return where a connector leads on the network: nowhere for a folder, and where only the driver knows."""
    return tuple(_destinations(kind, config))


def _destinations(kind: ConnectorKind, config: Vendor) -> Iterator[Destination]:
    given = next((text for name in ADDRESSES if (text := getattr(config, name, None))), None)
    if given is not None:
        yield _of_url(str(given))
    elif isinstance(config, Snowflake):
        host, is_tls = config.host or f"{config.account}.snowflakecomputing.com", config.protocol == "https"
        yield Destination(host, config.port or PORTS[config.protocol], is_tls=is_tls)
    elif isinstance(config, AzureBlob):
        yield Destination(f"{config.account}.blob.core.windows.net", PORTS["https"], is_tls=True)
    elif kind in PUBLIC:
        yield Destination(PUBLIC[kind], PORTS["https"], is_tls=True)
    elif hasattr(config, "host") and not getattr(config, "is_srv", False):
        yield Destination(config.host, getattr(config, "port", PORTS["https"]))
    if (aside := getattr(config, ASIDE, None)) is not None:
        yield _of_url(str(aside))


def _of_url(text: str) -> Destination:
    parts = urlsplit(text if "://" in text else f"https://{text}")
    return Destination(parts.hostname or "", parts.port or PORTS.get(parts.scheme, 443), is_tls=parts.scheme == "https")


async def resolved(destination: Destination, settings: ConnectorSettings) -> Sequence[str]:
    """Return the addresses of a destination; DestinationRefused where one is denied, Transient for no address."""
    found = await addresses_of(destination.host, destination.port)
    denied = [network_of(str(network)) for network in settings.connector_denied_networks]
    if any(is_denied(address, denied) for address in found):
        raise DestinationRefused(
            f"{destination.host} is in a network to which no connector leads here.",
            hint="Whoever runs this server decides which ones those are: MAESTRO_CONNECTOR_DENIED_NETWORKS.",
        )
    return found


async def require_allowed(kind: ConnectorKind, config: Vendor, settings: ConnectorSettings) -> None:
    """Raise DestinationRefused unless a connector may lead where it does; Transient for a name that nobody knows."""
    for destination in destinations_of(kind, config):
        await resolved(destination, settings)
