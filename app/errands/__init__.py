"""The process that asks clouds in the server's place, so that no request waits for a driver inside the server."""

from app.errands.parent import ChildErrands

__all__ = ["ChildErrands"]
