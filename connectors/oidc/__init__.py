"""OpenID Connect: people sign in at a provider of identity, which vouches for them."""

from connectors.oidc.asking import is_safe
from connectors.oidc.provider import Client, Flow, Metadata, Provider

__all__ = ["Client", "Flow", "Metadata", "Provider", "is_safe"]
