"""The log: lines of text, or JSON with one object a line, on standard error."""

import logging
import os
import re
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

import orjson

from maestro import log_context
from maestro.log_settings import LogFormat, LogSettings

TEXT: Final = "%(asctime)s %(levelname)-7s %(name)s:%(trace)s %(message)s"
CHATTY: Final = ("alembic", "azure", "httpx", "uvicorn.error")
PASSWORD: Final = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)")
"""The account in a URL, which drivers repeat in their errors."""
FACTS: Final = "facts"
"""The member of a record, given as `extra`, that holds a mapping of plain values to be written as they are."""


class TextLines(logging.Formatter):
    """Writes a record as a line of text, with its facts as JSON behind the message."""

    def __init__(self) -> None:
        super().__init__(TEXT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- the name of its base
        """Return the line without the stack of an error."""
        facts = getattr(record, FACTS, None)
        line = super().formatMessage(record)
        return line if facts is None else f"{line} {orjson.dumps(facts, default=str).decode()}"


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON; members that are not known are left out."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        written: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": getattr(record, "logger_name", record.name),
            "message": without_passwords(record.getMessage()),
            "process": self._process,
            "pid": os.getpid(),
        }
        if (number := getattr(record, "process_number", None)) is not None:
            written["processNumber"] = number
        if trace := getattr(record, "trace", ""):
            written["traceId"] = trace.strip(" []")
        written |= log_context.told()
        written |= getattr(record, FACTS, {})
        if record.exc_info and record.exc_info[0] is not None:
            kind = record.exc_info[0]
            stack = without_passwords(self.formatException(record.exc_info))
            written["error"] = {"type": f"{kind.__module__}.{kind.__qualname__}", "stack": stack}
        return orjson.dumps(written, default=str).decode()


def without_passwords(text: str) -> str:
    """Return a text without the accounts of the URLs in it."""
    return PASSWORD.sub("***", text) if "://" in text else text


def begin() -> None:
    """Log as text from now on, before the settings are read."""
    handler = logging.StreamHandler()
    handler.setFormatter(TextLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Clients' mistakes are told to the clients; what is unexpected is logged by app.answers, once.
    logging.getLogger("strawberry.execution").setLevel(logging.CRITICAL)


def follow(settings: LogSettings, process: str) -> None:
    """Log from now on as the settings say; `process` is what this one is, as records tell it."""
    root = logging.getLogger()
    root.setLevel(settings.log_level)
    if settings.log_format is LogFormat.JSON:
        for handler in root.handlers:
            handler.setFormatter(JsonLines(process))
        sys.excepthook = _log_uncaught


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log what ends the process, whose stack would otherwise be printed in many lines."""
    logging.getLogger(__name__).critical("The process ends by an error", exc_info=(kind, error, trace))
