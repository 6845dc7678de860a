"""Files of runs and of versions of models on an MLflow server.

They are read and written through the server's own proxy, which needs no credential of the store behind it. Files of
runs that lie elsewhere are fetched by the server for us, as it does for its own pages.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit
from uuid import uuid4

from connectors.retrying import retried
from connectors.tracking.capability import TrackedFile
from connectors.tracking.mlflow_calls import Calls
from connectors.tracking.mlflow_library import API, artifacts, registry, tracking
from maestro.errors import StoreFailed
from maestro.vendor_errors import NotSupported

CHUNK: Final = 1024 * 1024
REMEMBERED: Final = 1000
PROXY: Final = f"{API}/mlflow-artifacts/artifacts"
PAGES: Final = "/get-artifact"
_SCHEME: Final = "mlflow-artifacts"
_RUNS: Final = "runs"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where files lie: a folder of the proxy, or for a run only its id."""

    folder: str | None
    run_id: str | None = None


class Files:
    """Lists, fetches and stores files."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._places: dict[tuple[str, int | None], _Place] = {}

    def note(self, run_id: str, uri: str | None) -> None:
        """Take note of where the files of a run lie, so that it need not be asked."""
        if uri is not None:
            self._remember((run_id, None), _Place(_folder(uri), run_id))

    async def of_run(self, run_id: str) -> AsyncIterator[Sequence[TrackedFile]]:
        """Yield the files of a run, folder by folder.

        The proxy is asked where it has them: it tells them for a tenth of what it costs the server to look up the run.
        """

        def asked(path: str, token: str) -> Any:
            return tracking.ListArtifacts(run_id=run_id, path=path or None, page_token=token or None)

        place, what = self._places.get((run_id, None)), f"files of the run {run_id}"
        walked = self._below(place, what) if place and place.folder is not None else self._walked(asked, what=what)
        async with aclosing(walked) as found:
            async for some in found:
                yield some

    async def of_version(self, model: str, number: int) -> AsyncIterator[Sequence[TrackedFile]]:
        """Yield the files of a version of a model, folder by folder; NotSupported for those of another store."""
        place = await self._place_of_version(model, number)
        async with aclosing(self._below(place, f"files of version {number} of {model!r}")) as found:
            async for some in found:
                yield some

    async def of_source(self, source: str) -> AsyncIterator[Sequence[TrackedFile]]:
        """Yield the files below the source of a version, folder by folder; NotSupported for those of another store."""
        place = _Place(await self._folder_of(source))
        _require_proxy(place)
        async with aclosing(self._below(place, f"files below {source}")) as found:
            async for some in found:
                yield some

    def _below(self, place: _Place, what: str) -> AsyncGenerator[Sequence[TrackedFile], None]:
        def asked(path: str, token: str) -> Any:
            del token
            return artifacts.ListArtifacts(path=f"{place.folder}/{path}".rstrip("/"))

        return self._walked(asked, what=what, is_named=True)

    async def _walked(
        self, asked: Callable[[str, str], Any], *, what: str, is_named: bool = False
    ) -> AsyncGenerator[Sequence[TrackedFile], None]:
        """Walk through folders; `is_named` says that answers hold names and not paths below the root."""
        folders, token = deque([""]), ""
        while folders:
            told = await self._calls.send(asked(folders[0], token), what)
            found = []
            for one in told.files:
                path = f"{folders[0]}/{one.path}".strip("/") if is_named else one.path
                if one.is_dir:
                    folders.append(path)
                else:
                    found.append(TrackedFile(path, one.file_size if one.HasField("file_size") else None))
            if found:
                yield found
            token = getattr(told, "next_page_token", "")
            if not token:
                folders.popleft()

    async def download(self, run_id: str, path: str, to: Path) -> int:
        """Write a file of a run to one of this machine, whole or not at all, and return its size."""
        place = await self._place_of_run(run_id)
        return await self._fetched(place, path, to, what=f"file {path!r} of the run {run_id}")

    async def download_of_version(self, model: str, number: int, *, path: str, to: Path) -> int:
        """Write a file of a version of a model to one of this machine, and return its size."""
        what = f"file {path!r} of version {number} of {model!r}"
        return await self._fetched(await self._place_of_version(model, number), path, to, what=what)

    async def put(self, run_id: str, path: str, file: Path) -> None:
        """Store a file among those of a run; NotSupported where the server does not keep them itself."""
        await self._put(await self._place_of_run(run_id), path, file)

    async def put_under(self, source: str, path: str, file: Path) -> None:
        """Store a file below the source of a version; NotSupported where the server does not keep them itself."""
        await self._put(_Place(await self._folder_of(source)), path, file)

    async def _put(self, place: _Place, path: str, file: Path) -> None:
        _require_proxy(place)
        size = (await asyncio.to_thread(file.stat)).st_size
        target = f"{PROXY}/{quote(f'{place.folder}/{path}')}"

        async def once() -> None:
            await self._calls.put(target, f"file {path!r}", content=_read(file), size=size)

        await retried(once)

    async def _place_of_run(self, run_id: str) -> _Place:
        known = self._places.get((run_id, None))
        if known is None:
            told = await self._calls.send(tracking.GetRun(run_id=run_id), f"run {run_id}")
            known = self._remember((run_id, None), _Place(_folder(told.run.info.artifact_uri), run_id))
        return known

    async def _place_of_version(self, model: str, number: int) -> _Place:
        known = self._places.get((model, number))
        if known is None:
            what = f"version {number} of {model!r}"
            asked = registry.GetModelVersionDownloadUri(name=model, version=str(number))
            folder = await self._folder_of((await self._calls.send(asked, what)).artifact_uri)
            if folder is None:
                raise NotSupported(f"The files of {what} lie in a store to which the MLflow server is no way.")
            known = self._remember((model, number), _Place(folder))
        return known

    async def _folder_of(self, uri: str) -> str | None:
        """Return the folder of the proxy to which the source of a version leads, perhaps by a run."""
        parts = urlsplit(uri)
        if parts.scheme != _RUNS:
            return _folder(uri)
        run_id, _, path = parts.path.strip("/").partition("/")
        root = (await self._place_of_run(run_id)).folder
        return None if root is None else f"{root}/{path}"

    def _remember(self, key: tuple[str, int | None], place: _Place) -> _Place:
        if len(self._places) >= REMEMBERED:
            self._places.clear()
        self._places[key] = place
        return place

    async def _fetched(self, place: _Place, path: str, to: Path, *, what: str) -> int:
        if place.folder is None:
            source, params = PAGES, {"run_id": str(place.run_id), "path": path}
        else:
            source, params = f"{PROXY}/{quote(f'{place.folder}/{path}')}", {}

        async def once() -> int:
            async with self._calls.stream(source, what, params) as parts:
                return await _written(parts, to, what)

        return await retried(once)


def _require_proxy(place: _Place) -> None:
    if place.folder is None:
        raise NotSupported(
            "These files lie in a store to which the MLflow server is no way.",
            hint="Start it with --serve-artifacts, and make the experiment anew.",
        )


def _folder(uri: str) -> str | None:
    """Return the folder of the proxy to which an address leads; None for another store."""
    parts = urlsplit(uri)
    return parts.path.strip("/") if parts.scheme == _SCHEME else None


async def _written(parts: AsyncIterator[bytes], to: Path, what: str) -> int:
    size, pending = 0, bytearray()
    async with _draft(to, what) as file:
        async for part in parts:
            pending += part
            if len(pending) >= CHUNK:
                await asyncio.to_thread(file.write, bytes(pending))
                size += len(pending)
                pending.clear()
        await asyncio.to_thread(file.write, bytes(pending))
    return size + len(pending)


@asynccontextmanager
async def _draft(to: Path, what: str) -> AsyncIterator[Any]:
    """Open a file beside another one, whose place it takes at the end of the block unless that raises."""
    draft = to.with_name(f".{uuid4().hex}")
    try:
        with await asyncio.to_thread(draft.open, "xb") as file:
            yield file
        await asyncio.to_thread(draft.replace, to)
    except OSError as error:
        raise StoreFailed(
            f"The {what} cannot be written: {error.strerror}.", hint="Look at the disk of this server."
        ) from None
    finally:
        await asyncio.to_thread(draft.unlink, missing_ok=True)


async def _read(file: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(file.open, "rb") as opened:
        while part := await asyncio.to_thread(opened.read, CHUNK):
            yield part
