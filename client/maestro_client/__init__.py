"""Logs the params, metrics and models of a training into Maestro ML; imports nothing of the server."""

from maestro_client.client import Client
from maestro_client.errors import TrackingError
from maestro_client.runs import Run, current_run
from maestro_client.tracking import run, track

__all__ = ["Client", "Run", "TrackingError", "current_run", "run", "track"]
