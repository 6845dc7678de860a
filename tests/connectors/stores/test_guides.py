"""The pages of stores tell the truth: their example runs, and their policy has what is used, and nothing else."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any, Final

from connectors.stores import LocalStore, read
from connectors.stores.s3 import S3Store
from tests.connectors.stores.uploads_contract import UploadStore
from tests.rules.sources import ROOT

PAGE: Final = (ROOT / "docs" / "connectors" / "s3.md").read_text(encoding="utf-8")
CODE: Final = ROOT / "connectors" / "stores" / "s3"
PERMISSIONS: Final = {
    "abort_multipart_upload": {"AbortMultipartUpload"},
    "complete_multipart_upload": {"PutObject"},
    "copy_object": {"GetObject", "GetObjectVersion", "GetObjectTagging", "GetObjectVersionTagging", "PutObject"}
    | {"PutObjectTagging"},
    "create_bucket": {"CreateBucket"},
    "create_multipart_upload": {"PutObject"},
    "delete_bucket": {"DeleteBucket"},
    "delete_bucket_lifecycle": {"PutLifecycleConfiguration"},
    "delete_object": {"DeleteObject", "DeleteObjectVersion"},
    "delete_objects": {"DeleteObject"},
    "generate_presigned_url": {"GetObject", "PutObject"},
    "get_bucket_lifecycle_configuration": {"GetLifecycleConfiguration"},
    "get_bucket_versioning": {"GetBucketVersioning"},
    "get_object": {"GetObject", "GetObjectVersion"},
    "head_bucket": {"ListBucket"},
    "head_object": {"GetObject", "GetObjectVersion"},
    "list_multipart_uploads": {"ListBucketMultipartUploads"},
    "list_object_versions": {"ListBucketVersions"},
    "list_objects_v2": {"ListBucket"},
    "list_parts": {"ListMultipartUploadParts"},
    "put_bucket_lifecycle_configuration": {"PutLifecycleConfiguration"},
    "put_bucket_versioning": {"PutBucketVersioning"},
    "put_object": {"PutObject"},
    "upload_part": {"PutObject"},
    "upload_part_copy": {"GetObject", "GetObjectVersion", "PutObject"},
}
"""What a key has to be allowed for each operation, as Amazon's Service Authorization Reference tells."""


def test_the_policy_of_the_page_allows_what_is_used_and_nothing_else() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in CODE.glob("*.py"))
    used = {*re.findall(r"client\.([a-z_0-9]+)", code), *re.findall(r'get_paginator\("(\w+)"\)', code)}
    operations = used - {"get_paginator", "meta"}
    assert operations == PERMISSIONS.keys()
    (policy,) = (json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) if "Statement" in text)
    listed = [action for statement in policy["Statement"] for action in statement["Action"]]
    assert sorted(listed) == sorted({f"s3:{one}" for name in operations for one in PERMISSIONS[name]})


async def test_the_example_returns_what_was_there_before(s3_bucket: S3Store) -> None:
    names: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[1], names)  # noqa: S102 -- it is our own page
    await s3_bucket.set_versioned(True)
    await s3_bucket.put_bytes("a", b"first")
    assert await names["before"](s3_bucket, "a") is None
    await s3_bucket.put_bytes("a", b"second")
    await s3_bucket.put_bytes("ab", b"another")
    assert await names["before"](s3_bucket, "a") == b"first"


async def test_the_example_goes_on_with_an_upload(s3_bucket: S3Store, tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    exec(PAGE.partition("```python\n")[2].partition("```")[0], names)  # noqa: S102 -- it is our own page
    content = bytes(range(256)) * 4096 * 9
    await asyncio.to_thread((tmp_path / "file").write_bytes, content)
    stores: tuple[UploadStore, ...] = (LocalStore(tmp_path / "store"), s3_bucket)
    for store in stores:
        upload = await store.begin_upload("a", len(content))
        await store.put_part(upload, 0, content[: upload.part_size])
        made = await names["send"](store, tmp_path / "file", upload)
        assert made.size == len(content)
        assert await read(store, "a") == content
