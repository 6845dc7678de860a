"""What stored credentials of connectors belong to."""

from uuid import UUID


def place_of(organization_id: UUID, connector_id: UUID) -> str:
    """Return what a connector's secret belongs to: with another organisation or connector it does not open."""
    return f"organization {organization_id}, connector {connector_id}"
