"""Files of artifacts come back from a backup: those that are missing, each only as what it was."""

from dataclasses import replace

import pytest

from maestro.errors import BackupRefused
from ops.backups.sealing import Seal, key_pairs
from ops.restores import restoring
from tests.fixtures.graphql import Api
from tests.fixtures.restore_orders import CONTENT, KEYS, Backups, file_of


async def test_files_of_an_encrypted_backup_are_opened_on_their_way_back(api: Api, restorable: Backups) -> None:
    place = await file_of(api, restorable)
    seal = Seal(KEYS.current, (key_pairs(KEYS)[0].recipient,))
    restorable.destination = replace(restorable.destination, seal=seal)
    order = restorable.order(await restorable.make())
    other = place.with_name("f" * 64)
    place.rename(other)

    assert await restoring.bring_files(order) == 1
    assert await restoring.bring_files(order) == 0

    assert place.read_bytes() == other.read_bytes() == CONTENT


@pytest.mark.parametrize(("content", "reason"), [(None, "TRUNCATED"), (b"x" * len(CONTENT), "CORRUPT")])
async def test_a_file_that_is_gone_from_the_store_or_changed_in_it_is_refused(
    api: Api, restorable: Backups, *, content: bytes | None, reason: str
) -> None:
    place = await file_of(api, restorable)
    order = restorable.order(await restorable.make())
    (blob,) = (await order.manifest()).blobs
    place.unlink()
    if content is None:
        await restorable.destination.store.delete([blob.key])
    else:
        await restorable.destination.store.put_bytes(blob.key, content)

    with pytest.raises(BackupRefused) as refused:
        await restoring.bring_files(order)
    assert refused.value.details["reason"] == reason
    assert not place.exists()
