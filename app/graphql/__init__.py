"""The GraphQL endpoint: over HTTP as its specification has it, and as streams of events."""

from app.graphql.endpoint import Endpoint

__all__ = ["Endpoint"]
