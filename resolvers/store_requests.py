"""Requests to artifact stores that are signed for clients, and what has come by them: asked for by errands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from maestro.errands import ErrandKind
from maestro.runtime import Runtime

SIGN_S: Final = 30.0
"""How long it may take to open a connector and to sign."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request to a store that whoever has it may send until it expires."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Store:
    """The store of a connector, as this server's errands reach it."""

    runtime: Runtime
    organization_id: UUID
    connector_id: UUID

    async def sign(self, requests: Sequence[Mapping[str, Any]]) -> list[SignedRequest]:
        """Have requests signed by one errand, as `ops.connectors.signing.sign` takes them; the errors of errands."""
        answer = await self._errand(ErrandKind.SIGN, {"requests": list(requests)}, timeout_s=SIGN_S)
        return [
            SignedRequest(one["method"], one["url"], one["headers"], datetime.fromisoformat(one["expires_at"]))
            for one in answer["items"]
        ]

    async def arrived(self, objects: Sequence[Mapping[str, Any]], *, timeout_s: float) -> list[dict[str, Any] | None]:
        """Return the `size` and `sha256` of objects with a `key` and a `size`, None for one that is not there."""
        answer = await self._errand(ErrandKind.ARRIVED, {"objects": list(objects)}, timeout_s=timeout_s)
        items: list[dict[str, Any] | None] = answer["items"]
        return items

    async def _errand(self, kind: ErrandKind, asked: Mapping[str, Any], *, timeout_s: float) -> dict[str, Any]:
        place = {"connector_id": str(self.connector_id), "organization_id": str(self.organization_id)}
        return await self.runtime.errands.run(kind, {**place, **asked}, timeout_s=timeout_s)
