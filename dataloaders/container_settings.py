"""What is kept with a container of Azure, and how far it is open: asked for whenever it is selected."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dataloaders.connector_inspections import InspectionLoader
from maestro.public_access import PublicAccess


@dataclass(frozen=True, slots=True)
class FoundStoredPolicy:
    """What signatures that name a policy permit."""

    name: str
    permissions: str | None
    starts_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class FoundSettings:
    """The settings of a container."""

    metadata: dict[str, str]
    public_access: PublicAccess | None
    policies: list[FoundStoredPolicy]
    etag: str


class SettingsByConnector(InspectionLoader[FoundSettings]):
    """What is told of a container itself."""

    what = "settings"

    def made(self, answer: Mapping[str, Any]) -> FoundSettings:
        """Return the settings."""
        told = answer["answer"]
        public = told["public_access"]
        policies = [_policy(**one) for one in told["policies"]]
        return FoundSettings(told["metadata"], None if public is None else PublicAccess(public), policies, told["etag"])


def _policy(name: str, permissions: str | None, **times: str | None) -> FoundStoredPolicy:
    moments = {end: None if time is None else datetime.fromisoformat(time) for end, time in times.items()}
    return FoundStoredPolicy(name, permissions, **moments)
