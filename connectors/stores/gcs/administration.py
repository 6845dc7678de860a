"""The bucket itself: made and removed, its lifecycle rules, and who may do what with it."""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import ClientResponseError

from connectors.retrying import retried
from connectors.stores.buckets import LifecycleRule
from connectors.stores.gcs.errors import CHANGED, CONFLICT, request_id, said, translated
from connectors.stores.gcs.rules import ours, strangers, told
from connectors.stores.gcs.service import OfService
from connectors.stores.policies import AccessPolicy, Grant
from maestro.errors import Conflict, Forbidden, InvalidInput, NotFound, StoreFailed

POLICY: Final = 3
"""The version of policies whose grants may have conditions."""
WHAT: Final = "the bucket"


class Administration(OfService):
    """The bucket, its rules and its policy."""

    async def create_container(self) -> None:
        """Make the bucket, with access by its policy alone and closed to the public; Conflict if it is another's."""
        project = self._service.config.project or self._service.storage.token.service_data.get("project_id")
        if not project:
            raise InvalidInput("A bucket is made in a project, and none is named.", field="project")
        resource = {
            "name": self._service.bucket,
            "iamConfiguration": {
                "uniformBucketLevelAccess": {"enabled": True},
                "publicAccessPrevention": "enforced",
            },
        }
        address = f"{self._service.root}/storage/v1/b"
        try:
            await self._changed("POST", address, params={"project": project}, json=resource)
        except Conflict:
            if not await self._is_ours():
                raise

    async def container_exists(self) -> bool:
        """Say whether the bucket is there; Forbidden when it is, and somebody else's."""
        try:
            await self._service.ask("GET", self._service.url(), what=WHAT, params=self._service.params(fields="name"))
        except NotFound:
            return False
        return True

    async def delete_container(self) -> None:
        """Remove the bucket if it is there; StoreFailed when it is not empty."""
        try:
            await self._changed("DELETE", self._service.url(), params=self._service.params())
        except NotFound:
            return
        except Conflict as error:
            raise StoreFailed(
                f"{self} is not removed: {error.message}",
                hint="Remove its objects first, and their earlier versions.",
                **error.details,
            ) from error

    async def lifecycle(self) -> Sequence[LifecycleRule]:
        """Return the rules for what lies below the prefix, numbered; the service gives them no names."""
        rules, _ = await self._rules()
        return ours(rules, self._service.prefix)

    async def set_lifecycle(self, rules: Sequence[LifecycleRule]) -> None:
        """Set all rules for what lies below the prefix; those for other objects of the bucket stay as they are.

        NotSupported names what cannot be; Conflict when somebody else changes the bucket at the same time.
        """
        wanted = told(rules, self._service.prefix)
        before, generation = await self._rules()
        params = self._service.params(ifMetagenerationMatch=generation)
        resource = {"lifecycle": {"rule": [*strangers(before, self._service.prefix), *wanted]}}
        await self._changed("PATCH", self._service.url(), params=params, json=resource)

    async def iam_policy(self) -> AccessPolicy:
        """Return who may do what with the bucket."""
        params = self._service.params(optionsRequestedPolicyVersion=POLICY)
        found = await self._service.ask("GET", self._service.url("iam"), what=WHAT, params=params)
        return _policy(found)

    async def set_iam_policy(self, policy: AccessPolicy) -> AccessPolicy:
        """Set who may do what, if nobody has changed it since it was read; Conflict."""
        grants = [
            {
                "role": grant.role,
                "members": list(grant.members),
                **({"condition": dict(grant.condition)} if grant.condition else {}),
            }
            for grant in policy.grants
        ]
        body = {"version": POLICY, "bindings": grants, "etag": policy.etag}
        address = self._service.url("iam")
        return _policy(await self._changed("PUT", address, params=self._service.params(), json=body))

    async def _rules(self) -> tuple[list[dict[str, Any]], str | None]:
        """Return the bucket's rules, and which state of the bucket that is."""
        params = self._service.params(fields="lifecycle,metageneration")
        found = await self._service.ask("GET", self._service.url(), what=WHAT, params=params)
        return list((found.get("lifecycle") or {}).get("rule") or ()), found.get("metageneration")

    async def _is_ours(self) -> bool:
        try:
            return await self.container_exists()
        except Forbidden:
            return False

    async def _changed(self, method: str, url: str, *, params: dict[str, str], json: Any = None) -> Any:
        """Change the bucket; Conflict when it is not as was thought."""

        async def once() -> Any:
            with translated(WHAT):
                try:
                    return (await self._service.send(method, url, params=params, json=json)).content
                except ClientResponseError as error:
                    if error.status not in (CONFLICT, CHANGED):
                        raise
                    code, message = said(error)
                    details = {"vendorCode": code, "requestId": request_id(error)}
                    raise Conflict(message or "The bucket has changed.", **details) from None

        return await retried(once, tries=self._service.config.tries)


def _policy(found: Any) -> AccessPolicy:
    grants = [
        Grant(one["role"], tuple(one.get("members", ())), one.get("condition")) for one in found.get("bindings") or ()
    ]
    return AccessPolicy(tuple(grants), found.get("etag"))
