"""New ids for copied rows, made from the old ones so that they sort in the same order."""

import hashlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

_BITS: Final = 32
_DIGITS: Final = 8
_KEPT: Final = 28
"""How much of the 36 characters of an id stays, dashes included."""


@dataclass(frozen=True, slots=True)
class NewIds:
    """A key that is mixed into the last 32 bits of each id, and never 0: no row keeps its id, and no two get one.

    The time and the counter of a UUIDv7 stand in its first 96 bits and stay, so lists that sort by id keep their order;
    what changes is what was random. Nothing has to be remembered of the ids, however many they are.
    """

    key: int

    @classmethod
    def of_copy(cls, copy_id: UUID) -> "NewIds":
        """Return the key of a copy: the same for the same copy, so that doing it again would make the same rows."""
        return cls(int.from_bytes(hashlib.sha256(copy_id.bytes).digest()[: _BITS // 8]) or 1)

    def of(self, old: UUID) -> UUID:
        """Return the new id in place of an old one."""
        return UUID(int=old.int ^ self.key)

    def sql(self, old: str) -> str:
        """Return the SQL expression of the new id in place of an old one."""
        mixed = f"('x' || right({old}::text, {_DIGITS}))::bit({_BITS})::bigint # {self.key}"
        return f"(left({old}::text, {_KEPT}) || lpad(to_hex({mixed}), {_DIGITS}, '0'))::uuid"
