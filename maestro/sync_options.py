"""What a sync between two stores of objects is to do: which objects, when two are the same, and what may be removed."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field, field_validator

from maestro.globs import LONGEST_PATTERN, MOST_PATTERNS, Selection, glob
from maestro.strict import Strict

LIFETIME: Final = timedelta(hours=24)
"""So long a plan can be started."""
MOST_AT_ONCE: Final = 256
_PREFIX: Final = 600


class SyncCompare(StrEnum):
    """How two objects are compared."""

    QUICK = "QUICK"
    CHECKSUM = "CHECKSUM"


class SyncConflictPolicy(StrEnum):
    """What happens to an object of the target that is another one and was changed later than that of the source."""

    SKIP = "SKIP"
    SOURCE_WINS = "SOURCE_WINS"


Patterns = Annotated[tuple[Annotated[str, Field(max_length=LONGEST_PATTERN)], ...], Field(max_length=MOST_PATTERNS)]


class SyncOptions(Strict):
    """The options of a sync, each with what holds unless it is told."""

    source_prefix: Annotated[str, Field(max_length=_PREFIX)] = ""
    """The folder of the source, without slashes around it; all of the store unless told."""
    target_prefix: Annotated[str, Field(max_length=_PREFIX)] = ""
    include: Patterns = ()
    exclude: Patterns = ()
    compare: SyncCompare = SyncCompare.QUICK
    on_conflict: SyncConflictPolicy = SyncConflictPolicy.SKIP
    delete: bool = False
    """Whether objects of the target go that the source has not."""
    max_delete_fraction: float = Field(default=0.5, ge=0, le=1)
    max_deletes: int | None = Field(default=None, ge=0)
    override_delete_guard: bool = False
    verify: bool = False
    """Whether both ends are listed and compared once more when all is done."""
    bytes_per_second: int | None = Field(default=None, ge=1024)
    concurrency: int = Field(default=24, ge=1, le=MOST_AT_ONCE)
    """How many objects are on their way at a time."""

    @field_validator("source_prefix", "target_prefix")
    @classmethod
    def _is_folder(cls, value: str) -> str:
        folder = value.strip("/")
        if folder and any(name in ("", ".", "..") for name in folder.split("/")):
            raise ValueError("is no folder: none of its names is empty, '.' or '..'")
        return folder

    @field_validator("include", "exclude")
    @classmethod
    def _are_patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            try:
                glob(pattern)
            except ValueError as error:
                raise ValueError(f"{pattern[:80]!r} {error}") from None
        return value

    @property
    def selection(self) -> Selection:
        """Which keys, below the folders of both ends, are meant."""
        return Selection.of(self.include, self.exclude)

    def stored(self) -> dict[str, Any]:
        """Return them as plain JSON, by the names of the fields."""
        return self.model_dump(mode="json")


def refusal(summary: Mapping[str, Any], options: SyncOptions) -> str | None:
    """Return why a plan removes more than it may, None when it does not; `summary` is that of the plan."""
    going, there = summary["remove"]["count"], summary["targetCount"]
    if options.override_delete_guard or not going:
        return None
    if options.max_deletes is not None and going > options.max_deletes:
        return f"{going:,} objects of the target would be removed; at most {options.max_deletes:,} may be."
    if going > options.max_delete_fraction * there:
        return (
            f"{going:,} of the {there:,} objects of the target would be removed; at most "
            f"{options.max_delete_fraction:.0%} may be."
        )
    return None
