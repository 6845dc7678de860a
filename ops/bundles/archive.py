"""The file of a bundle: a zip archive without compression, whose bytes depend on what is in it alone."""

import hashlib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedIOBase
from pathlib import Path
from typing import IO, Any, Final, Self

import orjson

from maestro.errors import InvalidInput

MANIFEST: Final = "bundle.json"
CHUNK: Final = 1024 * 1024
VERSION: Final = 1
LARGEST_MANIFEST: Final = 64 * CHUNK
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = 0o644 << 16


class _Digesting(BufferedIOBase):
    """Passes on what is written, and digests it."""

    def __init__(self, below: IO[bytes]) -> None:
        self._below = below
        self.sha256 = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self.sha256.update(content)
        self.size += len(memoryview(content).cast("B"))
        return self._below.write(content)


@dataclass(slots=True)
class Writer:
    """Writes entries one after the other, and last the manifest, which has the size and the SHA-256 of each."""

    path: Path
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    _zip: zipfile.ZipFile = field(init=False)

    def __enter__(self) -> Self:
        self._zip = zipfile.ZipFile(self.path, "w", zipfile.ZIP_STORED, allowZip64=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    @contextmanager
    def entry(self, name: str) -> Iterator[BufferedIOBase]:
        """Write an entry within a block."""
        with self._zip.open(_info(name), "w", force_zip64=True) as below:
            digesting = _Digesting(below)
            yield digesting
        self.entries[name] = {"sha256": digesting.sha256.hexdigest(), "sizeBytes": digesting.size}

    def finish(self, about: dict[str, Any]) -> None:
        """Write the manifest."""
        content = {"format": "maestro-project", "version": VERSION, **about, "entries": self.entries}
        self._zip.writestr(_info(MANIFEST), orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.external_attr = _MODE
    info.create_system = 3
    return info


def _digest(file: IO[bytes]) -> str:
    found = hashlib.sha256()
    while part := file.read(CHUNK):
        found.update(part)
    return found.hexdigest()


class Reader:
    """An archive whose every entry is what its manifest says."""

    def __init__(self, path: Path) -> None:
        """Open and check all of it; InvalidInput for what is no bundle, or is damaged."""
        try:
            self._zip = zipfile.ZipFile(path)
            self.about = self._manifest()
            self._check()
        except (zipfile.BadZipFile, ValueError, KeyError, TypeError, NotImplementedError) as error:
            raise InvalidInput(
                "This file is no bundle of a project, or a damaged one.",
                hint="Make another one by exportProject, and carry it over whole.",
                reason=str(error)[:200],
            ) from None

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        """The entries with the size and SHA-256 of each."""
        found: dict[str, dict[str, Any]] = self.about["entries"]
        return found

    @contextmanager
    def entry(self, name: str) -> Iterator[IO[bytes]]:
        """Read an entry within a block."""
        with self._zip.open(name) as opened:
            yield opened

    def _manifest(self) -> dict[str, Any]:
        info = self._zip.getinfo(MANIFEST)
        if info.file_size > LARGEST_MANIFEST:
            raise ValueError("the manifest is too large")
        found: dict[str, Any] = orjson.loads(self._zip.read(info))
        if found["format"] != "maestro-project":
            raise ValueError("the manifest is of something else")
        if found["version"] != VERSION:
            raise ValueError(f"it is of version {found['version']}, and this server reads version {VERSION}")
        return found

    def _check(self) -> None:
        names = {info.filename: info for info in self._zip.infolist()}
        if names.keys() != {*self.entries, MANIFEST}:
            raise ValueError("its entries are not those that the manifest names")
        for name, told in self.entries.items():
            if names[name].compress_type != zipfile.ZIP_STORED or names[name].file_size != told["sizeBytes"]:
                raise ValueError(f"{name} is not what the manifest says")
            with self.entry(name) as opened:
                if _digest(opened) != told["sha256"]:
                    raise ValueError(f"{name} is damaged")
