"""What each kind of connector is configured with and can do: a vendor is one class here."""

import re
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from maestro.db.tables.enums import ConnectorKind
from maestro.errors import InvalidInput

_CREDENTIALS: Final = re.compile(
    r"""
    [^\s/@:]+ : [^\s/@]+ @                                                 # user:password@host, in a URL or bare
    | (?:password|passwd|pwd|secret|token|accountkey|access_?key|sig) \s*=  # a parameter of a connection string
    | \b (?:AKIA|ASIA) [0-9A-Z]{16} \b                                     # an AWS access key
    | -----BEGIN                                                           # a private key
    """,
    re.VERBOSE | re.IGNORECASE,
)


class ConnectorCapability(StrEnum):
    """What a connector can be used for."""

    OBJECT_STORE = "OBJECT_STORE"
    SQL_SOURCE = "SQL_SOURCE"
    DOCUMENT_SOURCE = "DOCUMENT_SOURCE"
    TRACKING_SOURCE = "TRACKING_SOURCE"


Text = Annotated[str, Field(min_length=1, max_length=500)]
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
"""How a server on this machine is called."""
Port = Annotated[int, Field(ge=1, le=65535)]
Url = Annotated[str, Field(max_length=2000, pattern=r"^https?://[^\s/]+")]
Prefix = Annotated[str, Field(max_length=1000)]


class Vendor(BaseModel):
    """The settings of one kind of connector, none of them secret; the class's docstring names the vendor."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, alias_generator=to_camel)
    capabilities: ClassVar[tuple[ConnectorCapability, ...]]

    @field_validator("*")
    @classmethod
    def _holds_no_credential(cls, value: Any) -> Any:
        if isinstance(value, str) and _CREDENTIALS.search(value):
            raise ValueError("looks as if it held a credential, which would be stored in the clear")
        if isinstance(value, str) and not value.isprintable():
            raise ValueError("holds an invisible character")
        return value


class Postgresql(Vendor):
    """A PostgreSQL database."""

    capabilities = (ConnectorCapability.SQL_SOURCE,)
    host: Text = Field(description="Name or address of the server.")
    port: Port = Field(default=5432, description="Port of the server; 5432 unless told.")
    database: Text = Field(description="Name of the database.")
    user: Text = Field(description="Name to sign in with.")
    ssl_mode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = Field(
        default="prefer",
        description="How the connection is secured, in libpq's words: `prefer` unless told.",
    )


class Mysql(Vendor):
    """A MySQL or MariaDB database."""

    capabilities = (ConnectorCapability.SQL_SOURCE,)
    host: Text = Field(description="Name or address of the server.")
    port: Port = Field(default=3306, description="Port of the server; 3306 unless told.")
    database: Text = Field(description="Name of the database.")
    user: Text = Field(description="Name to sign in with.")
    ssl_mode: Literal["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] = Field(
        default="PREFERRED",
        description="How the connection is secured, in MySQL's words: `PREFERRED` unless told.",
    )


class Mongodb(Vendor):
    """A MongoDB database."""

    capabilities = (ConnectorCapability.DOCUMENT_SOURCE,)
    host: Text = Field(description="Name or address of the server, or of the cluster when `isSrv`.")
    port: Port = Field(default=27017, description="Port of the server; 27017 unless told, unused when `isSrv`.")
    database: Text = Field(description="Name of the database.")
    user: Text | None = Field(default=None, description="Name to sign in with; null for none.")
    is_srv: bool = Field(default=False, description="Whether the servers are found by the host's SRV records.")
    is_tls: bool = Field(default=False, description="Whether the connection is encrypted; always so when `isSrv`.")
    auth_source: Text | None = Field(
        default=None, description="The database that knows the user; that of the connector unless told."
    )
    replica_set: Text | None = Field(
        default=None, description="Name of the replica set, of which `host` is one server; null for that server alone."
    )


class Snowflake(Vendor):
    """A Snowflake warehouse."""

    capabilities = (ConnectorCapability.SQL_SOURCE,)
    account: Text = Field(description="The account's identifier, like `organization-account`.")
    user: Text = Field(description="Name to sign in with.")
    warehouse: Text = Field(description="The warehouse that runs the queries.")
    database: Text = Field(description="Name of the database.")
    schema_name: Text = Field(default="PUBLIC", description="Name of the schema; PUBLIC unless told.", alias="schema")
    role: Text | None = Field(default=None, description="The role to act in; the user's default unless told.")
    is_oauth: bool = Field(
        default=False,
        description="Whether the credential's token is one of OAuth; a programmatic access token unless told.",
    )
    host: Text | None = Field(
        default=None,
        description="Name of the server where the account has another one, as with a private link; made of the "
        "account's identifier unless told.",
    )
    port: Port | None = Field(default=None, description="Port of the server; 443 unless told.")
    protocol: Literal["https", "http"] = Field(
        default="https", description="How the server is spoken to; `http` with a server on this machine only."
    )

    @model_validator(mode="after")
    def _is_encrypted(self) -> Self:
        if self.protocol == "http" and self.host not in LOOPBACK:
            raise ValueError("protocol: http is for a server on this machine only, as it tells the credential")
        return self


class Bigquery(Vendor):
    """A Google BigQuery data set."""

    capabilities = (ConnectorCapability.SQL_SOURCE,)
    project: Text = Field(description="The Google Cloud project.")
    dataset: Text = Field(description="Name of the data set.")
    location: Text = Field(default="US", description="Where the data set is; US unless told.")
    maximum_gibibytes_billed: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=100,
        description="A statement that would be billed for more GiB than these fails, and costs nothing; 100 unless "
        "told, null for no cap.",
    )
    endpoint_url: Url | None = Field(
        default=None,
        description="Address of the API where the project has another one, as with a private endpoint; Google's "
        "unless told. With `http` a server on this machine only.",
    )
    storage_endpoint_url: Url | None = Field(
        default=None,
        description="Address of the Storage API, by which large results are read; Google's unless told, none where "
        "there is another address of the API.",
    )

    @field_validator("endpoint_url", "storage_endpoint_url")
    @classmethod
    def _is_encrypted(cls, value: str | None) -> str | None:
        if value and value.startswith("http:") and urlsplit(value).hostname not in LOOPBACK:
            raise ValueError("http is for a server on this machine only, as it tells the credential")
        return value


class S3(Vendor):
    """A bucket of Amazon S3 or of a store that speaks its protocol."""

    capabilities = (ConnectorCapability.OBJECT_STORE,)
    bucket: Text = Field(description="Name of the bucket.")
    region: Text | None = Field(default=None, description="The bucket's region.")
    endpoint_url: Url | None = Field(default=None, description="Address of the store when it is not Amazon's.")
    prefix: Prefix = Field(default="", description="What the keys begin with; all of the bucket unless told.")
    is_path_style: bool | None = Field(
        default=None,
        description="Whether the bucket stands in the path of an address and not in its host name; unless told, it "
        "does in every store but Amazon's.",
    )


class Gcs(Vendor):
    """A bucket of Google Cloud Storage."""

    capabilities = (ConnectorCapability.OBJECT_STORE,)
    bucket: Text = Field(description="Name of the bucket.")
    prefix: Prefix = Field(default="", description="What the names begin with; all of the bucket unless told.")
    project: Text | None = Field(default=None, description="The Google Cloud project that pays.")
    endpoint_url: Url | None = Field(default=None, description="Address of the store when it is not Google's own.")


class AzureBlob(Vendor):
    """A container of Azure Blob Storage."""

    capabilities = (ConnectorCapability.OBJECT_STORE,)
    account: Text = Field(description="Name of the storage account.")
    container: Text = Field(description="Name of the container.")
    prefix: Prefix = Field(default="", description="What the names begin with; all of the container unless told.")
    endpoint_url: Url | None = Field(
        default=None,
        description="Address of the account's blob service when it is not `https://<account>.blob.core.windows.net`.",
    )


class Mlflow(Vendor):
    """An MLflow tracking server."""

    capabilities = (ConnectorCapability.TRACKING_SOURCE,)
    tracking_uri: Url = Field(description="Address of the tracking server, with http or https.")


class Local(Vendor):
    """A folder of the server."""

    capabilities = (ConnectorCapability.OBJECT_STORE,)
    folder: str = Field(max_length=1000, description="The folder's absolute path, without `..` in it.")

    @field_validator("folder")
    @classmethod
    def _stays_where_it_says(cls, value: str) -> str:
        path = PurePosixPath(value)
        if not path.is_absolute() or ".." in path.parts:
            raise ValueError("is no absolute path without `..`")
        return value


VENDORS: Final[dict[ConnectorKind, type[Vendor]]] = {
    ConnectorKind[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", vendor.__name__).upper()]: vendor
    for vendor in Vendor.__subclasses__()
}
"""The vendor of each kind: the class's name is the kind's."""


def wire_name(vendor: type[Vendor], setting: str) -> str:
    """Return a setting's name in the schema and in the database."""
    return str(vendor.model_fields[setting].alias)


def checked(kind: ConnectorKind, config: dict[str, Any], *, field: str) -> dict[str, Any]:
    """Return a complete configuration, its names as on the wire; InvalidInput with the setting that is wrong."""
    vendor = VENDORS[kind]
    try:
        return vendor(**{wire_name(vendor, name): value for name, value in config.items()}).model_dump(by_alias=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        setting = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        raise InvalidInput(
            f"{setting}: {message}.",
            field=f"{field}.{setting}",
            hint="A connector's settings hold no password, token or key: setConnectorSecret stores those encrypted."
            if "credential" in message
            else None,
        ) from None
