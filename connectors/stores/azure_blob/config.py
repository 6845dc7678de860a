"""Where a container of Azure Blob Storage is, and what it is opened with."""

from dataclasses import dataclass, field
from typing import Final

from pydantic import SecretStr

TRIES: Final = 5
"""So often a request is sent that fails by the network or a busy server."""
MEBIBYTE: Final = 1024 * 1024
LARGEST_COPY_BYTES: Final = 256 * MEBIBYTE
"""Most bytes that the vendor copies in one step that is done when it answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureConfig:
    """A container, what the names in it begin with, and how it is reached.

    It is opened with the account's key or with a shared access signature; with neither of them nobody signs in, as for
    public containers. `endpoint_url` is the address of the account's blob service when it is not the usual one.
    """

    account: str
    container: str
    prefix: str = ""
    endpoint_url: str | None = None
    account_key: SecretStr | None = field(default=None, repr=False)
    sas_token: SecretStr | None = field(default=None, repr=False)
    tries: int = TRIES
    largest_copy_bytes: int = LARGEST_COPY_BYTES

    @property
    def address(self) -> str:
        """The address of the account's blob service."""
        return (self.endpoint_url or f"https://{self.account}.blob.core.windows.net").rstrip("/")

    @property
    def key(self) -> str | None:
        """The account's key in plain, None when it is opened otherwise."""
        return None if self.account_key is None else self.account_key.get_secret_value().strip()

    @property
    def signature(self) -> str | None:
        """The shared access signature in plain, as the query of a URL; None when it is opened otherwise."""
        return None if self.sas_token is None else self.sas_token.get_secret_value().strip().lstrip("?")
