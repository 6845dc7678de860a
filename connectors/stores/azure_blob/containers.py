"""The container itself, and who may read it without signing in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import AccessPolicy

from connectors.stores.azure_blob.errors import code_of, translated
from connectors.stores.azure_blob.objects import Objects
from maestro.errors import StoreFailed

_WHAT: Final = "the container"


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """What shared access signatures that name a policy permit, in Azure's letters, and from when until when."""

    permission: str | None
    starts_at: datetime | None = None
    expires_at: datetime | None = None


class AzureContainer(Objects):
    """A container that is made and removed, described, and opened to others."""

    async def create_container(self) -> None:
        """Make it, for nobody to read who does not sign in; Transient while one of its name is still being removed."""
        with translated(_WHAT):
            try:
                await self.place.client.create_container()
            except ResourceExistsError as error:
                if code_of(error) != "ContainerAlreadyExists":
                    raise

    async def container_exists(self) -> bool:
        """Say whether it is there."""
        with translated(_WHAT):
            return bool(await self.place.client.exists())

    async def delete_container(self) -> None:
        """Remove it with whatever was stored in it by anybody since it was seen to be empty; StoreFailed otherwise."""
        with translated(_WHAT):
            try:
                async for _ in self.place.client.list_blobs(include=["uncommittedblobs"], results_per_page=1):
                    raise StoreFailed("The container is not empty.", hint="Delete its objects first.")
                await self.place.client.delete_container()
            except ResourceNotFoundError:
                return

    async def container_metadata(self) -> Mapping[str, str]:
        """Return the metadata of the container; NotFound."""
        with translated(_WHAT):
            return dict((await self.place.client.get_container_properties()).metadata or {})

    async def set_container_metadata(self, metadata: Mapping[str, str]) -> None:
        """Set all metadata of the container; NotFound."""
        with translated(_WHAT):
            await self.place.client.set_container_metadata(dict(metadata))

    async def access(self) -> tuple[str | None, Mapping[str, StoredPolicy]]:
        """Return what those may read who do not sign in (`blob`, `container`, None), and the stored policies by id."""
        with translated(_WHAT):
            found: dict[str, Any] = await self.place.client.get_container_access_policy()
        policies = {
            str(one.id): StoredPolicy(one.access_policy.permission, one.access_policy.start, one.access_policy.expiry)
            for one in found["signed_identifiers"]
        }
        return found["public_access"], policies

    async def set_access(self, public: str | None, policies: Mapping[str, StoredPolicy]) -> None:
        """Set both; to remove a policy ends all signatures that name it. At most five; only by the account's key."""
        told = {
            name: AccessPolicy(permission=one.permission, start=one.starts_at, expiry=one.expires_at)
            for name, one in policies.items()
        }
        with translated(_WHAT):
            await self.place.client.set_container_access_policy(told, public_access=public)
