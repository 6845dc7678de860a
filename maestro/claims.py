"""What a provider of identity says of somebody."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claims:
    """Who somebody is at a provider: the issuer and the subject together are the identity, the rest are labels."""

    issuer: str
    subject: str
    name: str
    email: str | None = None
    groups: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        """How people recognise them."""
        return self.email or self.name
