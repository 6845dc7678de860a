"""The container itself, and who may read it without signing in."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import AccessPolicy

from connectors.stores.azure_blob.errors import code_of, translated
from connectors.stores.azure_blob.names import metadata_of
from connectors.stores.azure_blob.objects import Objects
from connectors.stores.buckets import Description
from connectors.stores.policies import ContainerSettings, StoredPolicy
from maestro.errors import Conflict, InvalidInput, StoreFailed
from maestro.public_access import PublicAccess

MOST_POLICIES: Final = 5
LONGEST: Final = 64
"""Characters of the name of a stored policy."""
_WHAT: Final = "the container"
_WORDS: Final = {PublicAccess.OBJECTS: "blob", PublicAccess.CONTAINER: "container"}
_OPEN: Final = {word: access for access, word in _WORDS.items()}


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

    async def container_settings(self) -> ContainerSettings:
        """Return its metadata, how far it is open, and the stored policies; only by the account's key."""
        with translated(_WHAT):
            # Asked first: what is changed in between makes this tag an old one.
            properties = await self.place.client.get_container_properties()
            found: dict[str, Any] = await self.place.client.get_container_access_policy()
        return ContainerSettings(
            dict(properties.metadata or {}),
            _OPEN.get(found["public_access"]),
            tuple(_policy(one) for one in found["signed_identifiers"]),
            str(properties.etag),
        )

    async def set_container_metadata(self, metadata: Mapping[str, str]) -> None:
        """Set all metadata; InvalidInput for those that Azure does not keep. Of two who do it the later one wins."""
        checked = metadata_of(Description(metadata=metadata))
        with translated(_WHAT):
            await self.place.client.set_container_metadata(checked)

    async def set_access(
        self, public_access: PublicAccess | None, policies: Sequence[StoredPolicy], *, etag: str
    ) -> None:
        """Set both; only by the account's key.

        Azure compares times in seconds alone, so its tag is looked at before: who changes it in that moment is noticed
        from the next second on.
        """
        told = _told(policies)
        with translated(_WHAT):
            properties = await self.place.client.get_container_properties()
            if properties.etag != etag:
                raise _changed()
            try:
                await self.place.client.set_container_access_policy(
                    told,
                    public_access=None if public_access is None else _WORDS[public_access],
                    if_unmodified_since=properties.last_modified,
                )
            except HttpResponseError as error:
                if code_of(error) != "ConditionNotMet":
                    raise
                raise _changed() from None


def _policy(one: Any) -> StoredPolicy:
    policy = one.access_policy
    return StoredPolicy(str(one.id), policy.permission, policy.start, policy.expiry)


def _told(policies: Sequence[StoredPolicy]) -> dict[str, AccessPolicy]:
    """Return stored policies as Azure's library takes them; InvalidInput for too many, and for names that are none."""
    made = {
        one.name: AccessPolicy(permission=one.permissions, start=one.starts_at, expiry=one.expires_at)
        for one in policies
    }
    if len(made) != len(policies) or len(made) > MOST_POLICIES or not all(0 < len(name) <= LONGEST for name in made):
        raise InvalidInput(
            f"A container has at most {MOST_POLICIES} stored policies, each with a name of its own of at most "
            f"{LONGEST} characters.",
            field="action.storedPolicies",
        )
    return made


def _changed() -> Conflict:
    return Conflict("Somebody has changed the container meanwhile.", hint="Read its settings again, then set them.")
