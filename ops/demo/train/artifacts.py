"""Keeps the files that runs produce, deduplicated by content, as artifacts with numbered versions."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ops.demo.recording import Artifact, ArtifactEntry, ArtifactVersion


def now_ms() -> int:
    """Milliseconds since 1970; made relative to the end of the recording when it is complete."""
    return time.time_ns() // 1_000_000


@dataclass
class ArtifactStore:
    """Artifacts by id, and the bytes of their files by hex sha256."""

    artifacts: dict[str, Artifact] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)

    def add(
        self, artifact: Artifact, files: Mapping[str, bytes], *, produced_by: str, description: str
    ) -> ArtifactVersion:
        """Add a version to an artifact, which is made when it is new; `artifact.versions` is not looked at."""
        known = self.artifacts.setdefault(artifact.id, artifact)
        number = len(known.versions) + 1
        version = ArtifactVersion(
            id=f"{artifact.id}:{number}",
            number=number,
            description=description,
            produced_by=produced_by,
            created_ms=now_ms(),
            entries=tuple(self._entry(path, data) for path, data in sorted(files.items())),
        )
        self.artifacts[artifact.id] = replace(known, versions=(*known.versions, version))
        return version

    def _entry(self, path: str, data: bytes) -> ArtifactEntry:
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return ArtifactEntry(path=path, size_bytes=len(data), sha256=digest)
