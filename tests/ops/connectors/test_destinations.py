"""Where connectors lead, by their settings."""

from typing import Any

import pytest

from connectors.reaching import is_denied
from maestro.access.addresses import network_of
from maestro.db.tables.enums import ConnectorKind
from maestro.vendors import VENDORS
from ops.connectors.destinations import destinations_of

PLACES: list[tuple[ConnectorKind, dict[str, Any], list[str]]] = [
    (ConnectorKind.POSTGRESQL, {"host": "db", "database": "d", "user": "u"}, ["db:5432"]),
    (ConnectorKind.MONGODB, {"host": "db", "database": "d"}, ["db:27017"]),
    (ConnectorKind.MONGODB, {"host": "db", "database": "d", "isSrv": True}, []),
    (ConnectorKind.S3, {"bucket": "b"}, ["s3.amazonaws.com:443"]),
    (ConnectorKind.S3, {"bucket": "b", "endpointUrl": "http://minio:9000"}, ["minio:9000"]),
    (ConnectorKind.S3, {"bucket": "b", "endpointUrl": "http://[::1]"}, ["::1:80"]),
    (ConnectorKind.MLFLOW, {"trackingUri": "https://ml.example.org/x"}, ["ml.example.org:443"]),
    (ConnectorKind.AZURE_BLOB, {"account": "a", "container": "c"}, ["a.blob.core.windows.net:443"]),
    (
        ConnectorKind.SNOWFLAKE,
        {"account": "a-b", "user": "u", "warehouse": "w", "database": "d"},
        ["a-b.snowflakecomputing.com:443"],
    ),
    (
        ConnectorKind.SNOWFLAKE,
        {"account": "a-b", "user": "u", "warehouse": "w", "database": "d", "host": "private.example.org"},
        ["private.example.org:443"],
    ),
    (
        ConnectorKind.SNOWFLAKE,
        {
            "account": "a-b",
            "user": "u",
            "warehouse": "w",
            "database": "d",
            "host": "127.0.0.1",
            "port": 8084,
            "protocol": "http",
        },
        ["127.0.0.1:8084"],
    ),
    (ConnectorKind.BIGQUERY, {"project": "p", "dataset": "d"}, ["bigquery.googleapis.com:443"]),
    (
        ConnectorKind.BIGQUERY,
        {"project": "p", "dataset": "d", "storageEndpointUrl": "https://private.example.org"},
        ["bigquery.googleapis.com:443", "private.example.org:443"],
    ),
    (ConnectorKind.GCS, {"bucket": "b"}, ["storage.googleapis.com:443"]),
    (ConnectorKind.LOCAL, {"folder": "/data"}, []),
]


@pytest.mark.parametrize(("kind", "config", "expected"), PLACES)
def test_a_connector_leads_to_the_host_of_its_settings(
    kind: ConnectorKind, config: dict[str, Any], expected: list[str]
) -> None:
    assert [str(one) for one in destinations_of(kind, VENDORS[kind](**config))] == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("169.254.169.254", True),
        ("::ffff:169.254.169.254", True),
        ("64:ff9b::a9fe:a9fe", True),
        ("2002:a9fe:a9fe::1", True),
        ("fe80::1%eth0", True),
        ("fd00:ec2::254", True),
        ("fd00:ec2::255", False),
        ("10.0.0.1", False),
        ("127.0.0.1", False),
        ("2001:db8::1", False),
    ],
)
def test_addresses_of_credentials_are_denied_however_they_are_written(address: str, *, expected: bool) -> None:
    networks = [network_of(one) for one in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128")]
    assert is_denied(address, networks) is expected
