"""The use cases: read through a loader or write in one transaction; rows and exceptions, never GraphQL types."""
