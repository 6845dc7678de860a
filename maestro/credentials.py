"""What each kind of connector signs in with: the credential of a vendor is one class here. All of it is secret."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from maestro.db.tables.enums import ConnectorKind
from maestro.errors import InvalidInput
from maestro.storable import UNSTORABLE

LONGEST: Final = 20_000
"""So many characters has the longest text of a credential; a service account's key file has some 2,400."""
ACCOUNT_KEY: Final = ("type", "client_email", "private_key")
"""What a key file of a Google service account holds, among others."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to sign in: the texts that it takes, and those that may come with them."""

    takes: tuple[str, ...]
    may_have: tuple[str, ...] = ()

    def __str__(self) -> str:
        optional = f" (and {' and '.join(map(to_camel, self.may_have))} if there is one)" if self.may_have else ""
        return " and ".join(map(to_camel, self.takes)) + optional


class Credential(BaseModel):
    """The credential of one kind of connector; where there are several `ways` to sign in, exactly one is given."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True)
    ways: ClassVar[tuple[Way, ...]] = ()

    @field_validator("*")
    @classmethod
    def _is_text(cls, value: SecretStr | None) -> SecretStr | None:
        text = "unset" if value is None else value.get_secret_value()
        if not text:
            raise ValueError("is empty")
        if len(text) > LONGEST:
            raise ValueError(f"has {len(text):,} characters; at most {LONGEST:,} are allowed")
        if UNSTORABLE.search(text):
            raise ValueError("holds a NUL or half a character")
        return value

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        given = {name for name in type(self).model_fields if getattr(self, name) is not None}
        if self.ways and not any(set(way.takes) <= given <= {*way.takes, *way.may_have} for way in self.ways):
            raise ValueError(f"Give {', or '.join(map(str, self.ways))}.")
        return self

    def sealable(self) -> bytes:
        """Return the credential in plain, as it goes into the vault."""
        given = {type(self).model_fields[name].alias: getattr(self, name) for name in type(self).model_fields}
        return orjson.dumps({name: text.get_secret_value() for name, text in given.items() if text is not None})


class PostgresqlCredential(Credential):
    """What a PostgreSQL database is opened with."""

    password: SecretStr = Field(description="Password of the connector's user.")


class MysqlCredential(Credential):
    """What a MySQL or MariaDB database is opened with."""

    password: SecretStr = Field(description="Password of the connector's user.")


class MongodbCredential(Credential):
    """What a MongoDB database is opened with."""

    password: SecretStr = Field(description="Password of the connector's user.")


class SnowflakeCredential(Credential):
    """What a Snowflake warehouse is opened with: a password, a key pair or a token."""

    ways = (Way(("password",)), Way(("private_key",), ("private_key_passphrase",)), Way(("token",)))
    password: SecretStr | None = Field(default=None, description="Password of the connector's user.")
    private_key: SecretStr | None = Field(default=None, description="Private key of the user's key pair, in PEM.")
    private_key_passphrase: SecretStr | None = Field(
        default=None, description="Passphrase of the private key; none unless given."
    )
    token: SecretStr | None = Field(default=None, description="Programmatic access token, or a token of OAuth.")

    @field_validator("private_key")
    @classmethod
    def _is_pem(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match(r"\s*-----BEGIN [A-Z ]*PRIVATE KEY-----", value.get_secret_value()):
            raise ValueError("is no private key in PEM, which begins with -----BEGIN PRIVATE KEY-----")
        return value


class _GoogleCredential(Credential):
    service_account: SecretStr = Field(description="Key file of the service account: the text of the JSON file.")

    @field_validator("service_account")
    @classmethod
    def _is_key_file(cls, value: SecretStr) -> SecretStr:
        try:
            content = orjson.loads(value.get_secret_value())
        except ValueError:
            content = None
        if not isinstance(content, dict) or any(not isinstance(content.get(name), str) for name in ACCOUNT_KEY):
            raise ValueError(f"is no key file of a service account, which is JSON with {', '.join(ACCOUNT_KEY)}")
        return value


class BigqueryCredential(_GoogleCredential):
    """What a Google BigQuery data set is opened with."""


class GcsCredential(_GoogleCredential):
    """What a bucket of Google Cloud Storage is opened with."""


class S3Credential(Credential):
    """What a bucket of Amazon S3, or of a store that speaks its protocol, is opened with."""

    access_key_id: SecretStr = Field(description="Id of the access key.")
    secret_access_key: SecretStr = Field(description="The access key itself.")
    session_token: SecretStr | None = Field(
        default=None, description="Token that comes with temporary access keys; none unless given."
    )


class AzureBlobCredential(Credential):
    """What a container of Azure Blob Storage is opened with: the account's key or a shared access signature."""

    ways = (Way(("account_key",)), Way(("sas_token",)))
    account_key: SecretStr | None = Field(default=None, description="Key of the storage account.")
    sas_token: SecretStr | None = Field(default=None, description="Shared access signature, as the query of a URL.")


class MlflowCredential(Credential):
    """What an MLflow tracking server is asked with: a token, or a user and a password."""

    ways = (Way(("token",)), Way(("username", "password")))
    token: SecretStr | None = Field(default=None, description="Bearer token.")
    username: SecretStr | None = Field(default=None, description="Name to sign in with.")
    password: SecretStr | None = Field(default=None, description="Password of that user.")


CREDENTIALS: Final[Mapping[ConnectorKind, type[Credential]]] = {
    ConnectorKind.POSTGRESQL: PostgresqlCredential,
    ConnectorKind.MYSQL: MysqlCredential,
    ConnectorKind.MONGODB: MongodbCredential,
    ConnectorKind.SNOWFLAKE: SnowflakeCredential,
    ConnectorKind.BIGQUERY: BigqueryCredential,
    ConnectorKind.S3: S3Credential,
    ConnectorKind.GCS: GcsCredential,
    ConnectorKind.AZURE_BLOB: AzureBlobCredential,
    ConnectorKind.MLFLOW: MlflowCredential,
}
"""The credential of each kind that takes one; a folder of the server takes none."""


def checked(kind: ConnectorKind, given: Mapping[str, Any], *, field: str) -> Credential:
    """Return a credential made of texts by their Python names; InvalidInput names the one that is wrong."""
    credential = CREDENTIALS[kind]
    try:
        return credential(**{str(credential.model_fields[name].alias): text for name, text in given.items()})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join([field, *map(str, first["loc"])])
        message = first["msg"].removeprefix("Value error, ")
        wanted = {str(text.alias): text.description for text in credential.model_fields.values()}
        raise InvalidInput(
            f"{place}: {message.rstrip('.')}.",
            field=place,
            hint=wanted[str(first["loc"][0])] if first["loc"] else credential.__doc__,
        ) from None


def opened(kind: ConnectorKind, plain: bytes) -> Credential:
    """Return a credential as it came out of the vault."""
    return CREDENTIALS[kind](**orjson.loads(plain))
