"""What a scrape is answered: the values of all processes, and what is read for it, in the form that it asks for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder

from maestro.telemetry.values import Number


@dataclass(frozen=True, slots=True)
class Exposition:
    """The body of an answer, and its media type."""

    body: bytes
    media_type: str


class _Gathered:
    """What an encoder asks for its families."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Sequence[Metric]:
        return self._families


def exposed(merged: Iterable[Metric], readings: Iterable[Number], *, accept: str) -> Exposition:
    """Write families out, sorted by name: as text, or as OpenMetrics where `accept` asks for that."""
    families = {family.name: family for family in merged}
    for family, labels, value in readings:
        made = families.get(family.name)
        if made is None:
            made = families[family.name] = Metric(family.name, family.help, family.kind)
        made.add_sample(family.name, dict(zip(family.labels, labels, strict=True)), value)
    encode, media_type = choose_encoder(accept)
    gathered: Any = _Gathered([families[name] for name in sorted(families)])
    return Exposition(encode(gathered), media_type)
