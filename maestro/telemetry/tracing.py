"""Tracing for as long as a process works: begun where it begins to serve, ended with its last spans sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module

from maestro.spans import ACTIVE
from maestro.tracing_settings import TracingSettings


@asynccontextmanager
async def traced(settings: TracingSettings, process: str) -> AsyncIterator[None]:
    """Trace what this process does for the length of a block, if an endpoint is set; OpenTelemetry is loaded then."""
    if settings.otlp_endpoint is None:
        yield
        return
    tracer = import_module("maestro.telemetry.otlp").OtlpTracer(settings, process=process)
    before, ACTIVE.tracer = ACTIVE.tracer, tracer
    try:
        yield
    finally:
        ACTIVE.tracer = before
        await asyncio.to_thread(tracer.close)
