"""A process that sends a file in parts and may kill itself in the midst of it: `uploading.py ORDER`, which is JSON.

It prints the upload when it has begun one, the numbers that it finds have arrived, and each number that it has sent.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from connectors.catalogue import driver_of
from connectors.catalogue import opened as connected
from connectors.stores.buckets import Upload
from connectors.stores.local import LocalStore
from connectors.stores.s3 import S3Config, s3_store
from maestro.credentials import AzureBlobCredential
from maestro.crowd import for_each
from maestro.vendors import AzureBlob

KEY = "models/weights"


@asynccontextmanager
async def opened(place: dict[str, Any]) -> AsyncIterator[Any]:
    """Open a folder, a bucket or a container."""
    if "folder" in place:
        yield LocalStore(Path(place["folder"]))
    elif "gcs" in place:
        driver = driver_of("GCS")  # which the other processes need not load
        async with driver.gcs_store(driver.GcsConfig(**place["gcs"])) as gcs:
            yield gcs
    elif "account" in place:
        given = {name: text for name, text in place.items() if name != "accountKey"}
        credential = AzureBlobCredential.model_validate({"accountKey": place["accountKey"]})
        async with connected("AZURE_BLOB", AzureBlob.model_validate(given), credential) as container:
            yield container
    else:
        config = S3Config(**{**place, "secret_access_key": SecretStr(place["secret_access_key"])}, is_path_style=True)
        async with s3_store(config) as store:
            yield store


def say(**told: Any) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


async def send(order: dict[str, Any]) -> None:
    path, size, sent = order["file"], order["size"], 0
    async with opened(order["place"]) as store:
        given = order["upload"]
        upload = await store.begin_upload(KEY, size) if given is None else Upload(**given)
        say(upload=asdict(upload))
        arrived = {part.number for part in await store.parts(upload)}
        say(arrived=sorted(arrived))

        async def put(number: int) -> None:
            nonlocal sent
            content = os.pread(file, upload.size_of(number), number * upload.part_size)
            await store.put_part(upload, number, content)
            say(sent=number)
            sent += 1
            if sent == order["dies_after"]:
                os.kill(os.getpid(), signal.SIGKILL)  # while other parts are on their way

        file = os.open(path, os.O_RDONLY)
        await for_each((number for number in range(upload.count) if number not in arrived), put, at_once=3)
        made = await store.complete_upload(upload)
        say(size=made.size)


if __name__ == "__main__":
    asyncio.run(send(json.loads(sys.argv[1])))
