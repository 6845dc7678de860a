"""The bucket itself."""

from typing import Any, Final

from botocore.exceptions import ClientError

from connectors.stores.s3.bucket import S3Bucket
from connectors.stores.s3.errors import MISSING, status_of

_OURS: Final = "BucketAlreadyOwnedByYou"
_FIRST_REGION: Final = "us-east-1"
"""The region that is not named when a bucket is made."""


class S3Container(S3Bucket):
    """A bucket that can be made and removed."""

    async def create_container(self) -> None:
        """Make the bucket in the region of the store; Conflict when it is somebody else's."""
        region = self.config.region or _FIRST_REGION
        place: dict[str, Any] = (
            {} if region == _FIRST_REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        )
        with self._asking("the bucket"):
            try:
                await self._client.create_bucket(Bucket=self._bucket, **place)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") != _OURS:
                    raise

    async def container_exists(self) -> bool:
        """Say whether the bucket is there; Forbidden when it may be somebody else's."""
        return await self._unless_missing(self._client.head_bucket)

    async def delete_container(self) -> None:
        """Remove the bucket; StoreFailed when anything is in it, also beyond the prefix."""
        await self._unless_missing(self._client.delete_bucket)

    async def _unless_missing(self, asked: Any) -> bool:
        with self._asking("the bucket"):
            try:
                await asked(Bucket=self._bucket)
            except ClientError as error:
                if status_of(error) == MISSING:
                    return False
                raise
        return True
