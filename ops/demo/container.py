"""The file a recording lives in: one header line with the format's version and a checksum, then a ZIP archive.

The header reads `maestro-demo-recording <version> <sha256 of all that follows>`. One checksum over the whole archive
means that a flipped bit anywhere, in the numbers or in an image, is found before anything is loaded.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from maestro.errors import RecordingError

FORMAT = "maestro-demo-recording"
VERSION = 1


def pack(members: Mapping[str, bytes], path: Path) -> None:
    """Write the members in their order; no clock enters, so equal members give an equal file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    payload = buffer.getvalue()
    header = f"{FORMAT} {VERSION} {hashlib.sha256(payload).hexdigest()}\n"
    path.write_bytes(header.encode("ascii") + payload)


def unpack(path: Path) -> dict[str, bytes]:
    """Answer all members; RecordingError says what is wrong with the file and what to do about it."""
    try:
        header, _, payload = path.read_bytes().partition(b"\n")
    except OSError as error:
        raise RecordingError(f"{path.name} cannot be read: {error.strerror}") from error
    match header.decode("ascii", "replace").split(" "):
        case [name, version, digest] if name == FORMAT:
            _check(payload, path.name, version=version, digest=digest)
        case _:
            raise RecordingError(f"{path.name} is not a recording of demo data")
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _check(payload: bytes, name: str, *, version: str, digest: str) -> None:
    if version != str(VERSION):
        raise RecordingError(
            f"{name} has format version {version}, this release reads version {VERSION}",
            hint="record it anew with `python -m ops.demo.record`",
        )
    if hashlib.sha256(payload).hexdigest() != digest:
        raise RecordingError(f"{name} is damaged: its checksum does not match its content")
