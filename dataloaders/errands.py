"""What loaders are made of that ask connectors: one errand a connector and question, all of them beside each other."""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from dataloaders.base import Loader, Loaders
from dataloaders.connector_places import ConnectorPlaces, refusal
from maestro.access import Permission
from maestro.errands import NO_DESK, ErrandDesk, ErrandKind
from maestro.storable import require_storable

R = TypeVar("R")


class ErrandLoader(Loader[tuple[UUID, Any], R], Generic[R]):
    """Answers of connectors, never kept: the keys are those of connectors with what is asked of them.

    The answers for others stand where one connector fails. When nobody waits for an answer, its errand is stopped.
    """

    needs = Permission.CONNECTOR_QUERY
    reads = None
    kind: ClassVar[ErrandKind]
    desk: ErrandDesk = NO_DESK
    places: Loader[UUID, Any]

    def join(self, others: Loaders) -> None:
        """Learn where connectors are asked, and where they lie."""
        self.desk = others.desk
        self.places = others[ConnectorPlaces]

    def load(self, key: tuple[UUID, Any]) -> Awaitable[R]:
        """Return the answer for one key; nothing is gained by asking for several at once."""
        return self._ask(key)

    async def fetch(self, keys: Sequence[tuple[UUID, Any]]) -> list[R | Exception]:
        """Return the answers, each an errand of its own."""
        answers = await asyncio.gather(*map(self._ask, keys), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, Exception):
                raise answer
        return [answer for answer in answers if not isinstance(answer, BaseException) or isinstance(answer, Exception)]

    async def _ask(self, key: tuple[UUID, Any]) -> R:
        connector_id, asked = key
        if not self.viewer.grants.allow(self.needs):
            why = refusal(self.viewer, self.needs, await self.places.load(connector_id))
            if why is not None:
                raise why
        told = self.arguments(asked)
        for name, value in told.items():
            require_storable(value, field=name)
        arguments = {
            **told,
            "connector_id": str(connector_id),
            "organization_id": str(self.organization_id),
        }
        return self.made(await self.desk.errands.run(self.kind, arguments, timeout_s=self.desk.timeout_s))

    @abstractmethod
    def arguments(self, asked: Any) -> Mapping[str, Any]:
        """Return what the errand is told besides the connector; InvalidInput for what cannot be."""

    @abstractmethod
    def made(self, answer: Mapping[str, Any]) -> R:
        """Return the loader's answer, made of the errand's."""
