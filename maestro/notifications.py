"""Secrets of notification channels: what they belong to in the vault, and how they are opened."""

from uuid import UUID

from maestro.db.rows import Row
from maestro.vault import Sealed, Vault


def place_of(organization_id: UUID, channel_id: UUID) -> str:
    """Return what a channel's secret belongs to: with another organisation or channel it does not open."""
    return f"organization {organization_id}, notification channel {channel_id}"


def sealed_in(channel: Row) -> Sealed | None:
    """Return the secret in a row of a channel as it is stored, None when it has none."""
    if channel.key_id is None or channel.wrapped_key is None or channel.ciphertext is None:
        return None
    return Sealed(channel.key_id, channel.wrapped_key, channel.ciphertext)


def secret_of(vault: Vault, channel: Row) -> bytes | None:
    """Return the secret with which a channel's requests are signed; MasterKeyMissing, DamagedSecret."""
    sealed = sealed_in(channel)
    if sealed is None:
        return None
    return vault.open(sealed, belongs_to=place_of(channel.organization_id, channel.id))
