"""Sending traces to an OpenTelemetry collector; loaded only when there is one, in the process that sends, by no other.

The sender has a thread, so it is begun after processes are forked: where a process begins to serve.
"""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, StatusCode, TraceFlags

from maestro import tracing
from maestro.spans import Attributes, Opened, SpanKind
from maestro.tracing_settings import TracingSettings
from maestro.version import VERSION

logger = logging.getLogger(__name__)

PATH: Final = "/v1/traces"
TIMEOUT_S: Final = 5.0
"""So long one sending may take; it happens in a thread for which nobody waits."""
PAUSE_MS: Final = 1000
"""So often spans are sent."""
MOST_WAITING: Final = 4096
"""So many spans wait to be sent; more are forgotten while the collector does not answer."""
MOST_SENT: Final = 512
LAST_S: Final = 2.0
"""So long the end of a process waits for the last spans to be sent."""
COMPLAIN_EVERY_S: Final = 60.0
"""So often the log tells of a collector that does not take spans."""
KINDS: Final = {kind: trace.SpanKind[kind.value] for kind in SpanKind}


class Exporter(OTLPSpanExporter):
    """Sends spans, and tells once a minute when that fails; what was not sent is forgotten."""

    _told_at = -COMPLAIN_EVERY_S

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch. Blocks."""
        result = super().export(spans)
        if result is not SpanExportResult.SUCCESS and time.monotonic() - self._told_at > COMPLAIN_EVERY_S:
            self._told_at = time.monotonic()
            logger.warning("Traces are not taken by the collector at MAESTRO_OTLP_ENDPOINT, and are lost meanwhile")
        return result


class TraceIds(IdGenerator):
    """Gives a new trace the id that its request or job has already; ids of spans are random."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()

    def generate_span_id(self) -> int:
        """Return a new id."""
        return self._random.generate_span_id()

    def generate_trace_id(self) -> int:
        """Return the id of what is being done, or a new one."""
        current = tracing.current()
        return self._random.generate_trace_id() if current is None else int(current, 16)

    def is_trace_id_random(self) -> bool:
        """Say that the ids need not be random: callers choose theirs."""
        return False


class OtlpSpan:
    """A span of OpenTelemetry's."""

    __slots__ = ("span",)

    def __init__(self, span: trace.Span) -> None:
        self.span = span

    def end(self, attributes: Attributes, *, error: str | None, name: str | None) -> None:
        """End it."""
        if self.span.is_recording():
            if name is not None:
                self.span.update_name(name)
            self.span.set_attributes(attributes)
            if error is not None:
                self.span.set_attribute("error.type", error)
                self.span.set_status(StatusCode.ERROR)
        self.span.end()

    @property
    def traceparent(self) -> str:
        """Its name for others."""
        context = self.span.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


class OtlpTracer:
    """Makes spans and sends them, a batch a second, in a thread of its own."""

    def __init__(self, settings: TracingSettings, *, process: str) -> None:
        # It would tell of a collector that is away with each batch, and with each span that finds no room.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.trace_ratio)),
            resource=Resource({"service.name": "maestro", "service.version": VERSION, "maestro.process": process}),
            id_generator=TraceIds(),
            shutdown_on_exit=False,
        )
        exporter = Exporter(endpoint=_address(settings), headers=_headers(settings), timeout=TIMEOUT_S)
        processor = BatchSpanProcessor(
            exporter,
            max_queue_size=MOST_WAITING,
            max_export_batch_size=MOST_SENT,
            schedule_delay_millis=PAUSE_MS,
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("maestro", VERSION)

    def open(
        self, name: str, attributes: Attributes, *, kind: SpanKind, parent: Opened | str | None, link: str | None
    ) -> OtlpSpan:
        """Begin a span."""
        links = [Link(origin)] if (origin := _named(link)) is not None else None
        above = parent.span if isinstance(parent, OtlpSpan) else _remote(parent)
        # Never OpenTelemetry's own current span: libraries may have put one there.
        context = Context() if above is None else trace.set_span_in_context(above, Context())
        made = self._tracer.start_span(name, context, KINDS[kind], attributes, links)
        return OtlpSpan(made)

    def close(self) -> None:
        """Send what is left, for a short time. Blocks."""
        # The library waits much longer for a collector that is away.
        ending = threading.Thread(target=self._provider.shutdown, daemon=True, name="traces")
        ending.start()
        ending.join(LAST_S)


def _address(settings: TracingSettings) -> str:
    endpoint = str(settings.otlp_endpoint).rstrip("/")
    return endpoint if endpoint.endswith(PATH) else endpoint + PATH


def _headers(settings: TracingSettings) -> dict[str, str]:
    """Return the headers; values may be percent-encoded, as OpenTelemetry has it."""
    text = "" if settings.otlp_headers is None else settings.otlp_headers.get_secret_value()
    pairs = (part.split("=", 1) for part in text.split(",") if part.strip())
    return {name.strip().lower(): unquote(value.strip()) for name, value in pairs}


def _remote(parent: Opened | str | None) -> NonRecordingSpan | None:
    context = _named(parent if isinstance(parent, str) else None)
    return None if context is None else NonRecordingSpan(context)


def _named(traceparent: str | None) -> SpanContext | None:
    if traceparent is None or tracing.id_in(traceparent) is None:
        return None
    _, trace_id, span_id, flags, *_ = traceparent.split("-")
    is_sampled = TraceFlags(int(flags, 16) & TraceFlags.SAMPLED)
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=is_sampled)
