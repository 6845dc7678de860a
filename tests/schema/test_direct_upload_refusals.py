"""What is not taken of files that are sent to object stores directly, and who sends none."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from connectors.stores.s3 import S3Store
from maestro.db.tables.enums import Role
from maestro.ids import Kind, uuid_of
from tests.fixtures.artifact_stores import (
    COMPLETE,
    REQUEST,
    SET_STORE,
    WEIGHTS,
    fetched,
    promised,
    rows_of,
    s3_connector,
    send,
    sent,
)
from tests.fixtures.artifacts import new_artifact, opened
from tests.fixtures.graphql import Api
from tests.fixtures.members import new_member
from tests.fixtures.registry import new_project
from tests.schema.job_texts import refused


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"path": "../a"}, "BAD_USER_INPUT"),
        ({"sha256": "abc"}, "BAD_USER_INPUT"),
        ({"sizeBytes": -1}, "BAD_USER_INPUT"),
        ({"sizeBytes": 5_000_000_001}, "PAYLOAD_TOO_LARGE"),
        ({"mediaType": "no type"}, "BAD_USER_INPUT"),
    ],
)
async def test_what_cannot_be_promised_is_refused(
    api: Api, version: str, *, artifact_store: str, wrong: dict[str, Any], code: str
) -> None:
    assert artifact_store
    await refused(api, code, REQUEST, version=version, files=[promised("a.bin", b"a") | wrong])


async def test_a_path_twice_none_and_too_many_are_refused(api: Api, version: str, artifact_store: str) -> None:
    assert artifact_store
    one = promised("a.bin", b"a")
    for files in ([one, one], [], [promised(f"{number}", b"a") for number in range(1001)]):
        await refused(api, "BAD_USER_INPUT", REQUEST, version=version, files=files)


async def test_what_was_not_requested_is_not_completed(api: Api, version: str, artifact_store: str) -> None:
    assert artifact_store
    error = await refused(api, "NOT_FOUND", COMPLETE, version=version, paths=["a.bin"])
    assert error["extensions"]["missing"] == ["a.bin"]


async def test_what_was_requested_too_long_ago_is_not_completed(api: Api, version: str, artifact_store: str) -> None:
    assert artifact_store
    asked = (await api(REQUEST, version=version, files=[promised("a.bin", b"a")]))["requestUploads"][0]
    await send(asked["upload"], b"a")
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE loose_object SET expires_at = now() - interval '1 second'")
    await refused(api, "NOT_FOUND", COMPLETE, version=version, paths=["a.bin"])


async def test_a_stranger_learns_nothing(api: Api, foreign: Api, version: str, *, artifact_store: str) -> None:
    assert artifact_store
    files = [promised("a.bin", WEIGHTS)]
    await api(REQUEST, version=version, files=files)
    await refused(foreign, "NOT_FOUND", REQUEST, version=version, files=files)
    await refused(foreign, "NOT_FOUND", COMPLETE, version=version, paths=["a.bin"])


async def test_a_stranger_does_not_share_bytes(
    api: Api, foreign: Api, bucket_of_files: S3Store, *, version: str, artifact_store: str
) -> None:
    assert artifact_store
    await sent(api, version, {"a.bin": WEIGHTS})
    project = await new_project(foreign)
    await foreign(SET_STORE, project=project, connector=await s3_connector(foreign, bucket_of_files))
    theirs = await opened(foreign, await new_artifact(foreign, project))
    asked = (await foreign(REQUEST, version=theirs, files=[promised("a.bin", WEIGHTS)]))["requestUploads"][0]
    assert asked["isStored"] is False


async def test_who_only_reads_sends_nothing(api: Api, version: str, artifact_store: str) -> None:
    assert artifact_store
    viewer = await new_member(api, Role.VIEWER)
    await refused(viewer, "FORBIDDEN", REQUEST, version=version, files=[promised("a.bin", b"a")])
    await refused(viewer, "FORBIDDEN", COMPLETE, version=version, paths=["a.bin"])


async def test_who_contributes_to_the_project_alone_uses_its_store(
    api: Api, anonymous: httpx.AsyncClient, *, project: str, version: str, artifact_store: str
) -> None:
    """They do not see the connector, which belongs to the organisation."""
    assert artifact_store
    here: UUID = uuid_of(Kind.Project, project)
    contributor = await new_member(api, None, in_projects={here: Role.CONTRIBUTOR})
    entry, _ = await sent(contributor, version, {"a.bin": WEIGHTS, "b.bin": WEIGHTS})
    assert (await fetched(anonymous, entry["downloadUrl"])).content == WEIGHTS


async def test_bytes_of_other_projects_are_not_found_by_their_digest(
    api: Api, version: str, *, artifact_store: str
) -> None:
    await sent(api, version, {"a.bin": WEIGHTS})
    other = await new_project(api, "Other")
    await api(SET_STORE, project=other, connector=artifact_store)
    theirs = await opened(api, await new_artifact(api, other))
    contributor = await new_member(api, None, in_projects={uuid_of(Kind.Project, other): Role.CONTRIBUTOR})
    asked = (await contributor(REQUEST, version=theirs, files=[promised("a.bin", WEIGHTS)]))["requestUploads"][0]
    assert asked["isStored"] is False
    await send(asked["upload"], WEIGHTS)
    await contributor(COMPLETE, version=theirs, paths=["a.bin"])
    assert len(await rows_of(api, "remote_blob")) == 1
