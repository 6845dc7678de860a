"""The provider by which people sign in, as the settings name it."""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from connectors.oidc import Client, Provider, is_safe
from maestro.errors import StartupError
from maestro.settings import Settings
from resolvers.identities import Rules

LASTS: Final = timedelta(minutes=10)
"""How long somebody may take at the provider."""


class Spent:
    """What has come back from the provider and may not do so again, for as long as it would be good.

    Each process knows its own; what comes back to another one is refused by the provider, whose codes are good once.
    """

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def add(self, state: str) -> bool:
        """Take note of something, and say whether it is new."""
        now = time.monotonic()
        self._until = {known: until for known, until in self._until.items() if until > now}
        is_new = state not in self._until
        self._until.setdefault(state, now + LASTS.total_seconds())
        return is_new


@dataclass(frozen=True, slots=True)
class SignOn:
    """A provider, what people call it, and what its groups are worth here."""

    name: str
    issuer: str
    provider: Provider
    rules: Rules
    spent: Spent = field(default_factory=Spent)


def sign_on_of(settings: Settings) -> SignOn | None:
    """Return how people sign in by a provider, None when none is set; StartupError when the settings do not fit."""
    return configured(settings) if names_provider(settings) else None


def names_provider(settings: Settings) -> bool:
    """Say whether anything of a provider is set."""
    return any(name.startswith("oidc_") for name in settings.model_fields_set)


def configured(settings: Settings) -> SignOn:
    """Return how people sign in by the provider that is set; StartupError when the settings do not fit."""
    issuer, client_id, client_secret = settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret
    if not issuer or not client_id or not client_secret:
        raise StartupError(
            "Single sign-on takes MAESTRO_OIDC_ISSUER, MAESTRO_OIDC_CLIENT_ID and MAESTRO_OIDC_CLIENT_SECRET together.",
            hint="Set what is missing, or unset every MAESTRO_OIDC_… to do without a provider.",
        )
    client = Client(
        issuer=_checked(issuer),
        client_id=client_id,
        client_secret=client_secret.get_secret_value(),
        scopes=_scopes(settings),
        groups_claim=settings.oidc_groups_claim,
    )
    rules = Rules(settings.oidc_roles, settings.oidc_default_role, settings.oidc_organization)
    return SignOn(settings.oidc_name, client.issuer, Provider(client), rules)


def _checked(issuer: str) -> str:
    if not is_safe(issuer) or "?" in issuer:
        raise StartupError(
            "MAESTRO_OIDC_ISSUER is no issuer: it has to be an https:// address without a query.",
            hint="On this very machine, for a trial, http://localhost is good as well.",
        )
    return issuer


def _scopes(settings: Settings) -> str:
    scopes = settings.oidc_scopes.split()
    if "openid" not in scopes:
        raise StartupError(
            "MAESTRO_OIDC_SCOPES lacks openid, without which no provider says who has signed in.",
            hint="Set it to what the provider asks for groups, such as: openid profile email groups",
        )
    return " ".join(scopes)
