"""The reference pages of the documentation that are written from the code: settings, errors, permissions, metrics."""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final, get_args, get_origin

from pydantic import SecretStr, TypeAdapter
from pydantic.fields import FieldInfo

from app.markdown import page, table
from app.metrics_page import metrics_page
from app.permissions_page import permissions_page
from maestro import errands, errors, vendor_errors
from maestro.archive_settings import ArchiveLevel
from maestro.db.tables.enums import Role
from maestro.log_settings import LogFormat
from maestro.operation_settings import Audience, Profile
from maestro.points.errors import DamagedBlock, UnknownCodec
from maestro.settings import Settings

CURES: Final[dict[type[errors.MaestroError], str]] = {
    errors.InvalidInput: "Change the value that `field` names; `hint` says to what. In a filter text `position` and "
    "`length` tell where, and `suggestion` can replace that stretch.",
    errors.BadRequest: "Send JSON with a `query`, by a method and in a media type that the "
    "[endpoint](guides/http.md) has; the message and the status say which it is.",
    errors.Unauthenticated: "Sign in by a new link (`python -m app link`), or send an API key: "
    "`Authorization: Bearer mst_…`.",
    errors.Forbidden: "Ask somebody who may; for a download link that is too old, ask for the link again.",
    errors.NotFound: "Check the id, and that the key or session belongs to the organisation of the object.",
    errors.Conflict: "Look at the object's state, then decide; `hint` says which change would be possible.",
    errors.LastOwner: "Make somebody else an owner first (`updateMembership`), then try again.",
    errors.NameTaken: "Choose another name, or rename or restore the object that has it.",
    errors.StaleVersion: "Read the object again, apply the change to what it is now, and send that version.",
    errors.DigestMismatch: "Send again what is missing or differs; the refused request has changed nothing.",
    errors.PayloadTooLarge: "Send less at once, or in parts. Some limits are [settings](settings.md).",
    errors.MasterKeyMissing: "Bring the master key back that `python -m app secrets status` calls missing, or set the "
    "credential again.",
    errors.DamagedSecret: "Set the credential again, or bring its row back from a backup.",
    errors.Unavailable: "Try again after a pause, with the same idempotency key.",
    errors.Restoring: "Wait for `retryAfterSeconds`, which over HTTP is the `Retry-After` header, then send the same "
    "request again, with the same idempotency key.",
    errors.Transient: "Nothing, if the job goes on: it tries again by itself. Otherwise look whether what it names is "
    "reachable from the server, then have the job tried again by `retryJob`.",
    errors.ProfileFailed: "Look at `processes` for what runs and what it is called, then start the profile anew.",
    errors.CrashedTooOften: "Look into the log of the workers and of the system, such as for memory that ran out, then "
    "have the job tried again by `retryJob`.",
    errors.PartlyDone: "Do what the message says is left, or have the job tried again by `retryJob`.",
    errors.StoreFailed: "Do what the message says of the store: make room, correct its address or its settings; then "
    "have the job tried again by `retryJob`.",
    vendor_errors.ConnectorFailed: "Do what the message says, which is the vendor's own; `vendorCode` and `requestId` "
    "help their support.",
    vendor_errors.DestinationRefused: "Choose another address, or ask whoever runs the server to allow it: "
    "[Connectors](guides/connectors.md) tells how.",
    errands.ErrandLost: "Try again: another process is started for it. If it lasts, look into the server's log, and "
    "for memory that ran out.",
    vendor_errors.DriverMissing: "Run the command in `hint` where the server runs, then start it again.",
    vendor_errors.NotSupported: "Ask for something else; the connector's page tells what its vendor can do.",
    vendor_errors.TimedOut: "Ask for less, or allow more time; look whether the address leads to where it should.",
    vendor_errors.CircuitOpen: "Wait for `retryAfterSeconds`, then try again; `testConnector` tells what is wrong.",
    vendor_errors.Cancelled: "Nothing, if it was meant; otherwise start it again.",
    errors.ProgramFailed: "Do what the message says of the program; versions of programs and server have to fit, and "
    "there has to be room.",
    errors.PreflightFailed: "Do what the failed `checks` say, then start the job again.",
    errors.BackupRefused: "Do what the hint says for this `reason`, or take another backup.",
    errors.VerificationFailed: "Take another backup, make a new one, and look at the disks: what was written is not "
    "what can be read.",
    errors.StatisticsMissing: "Let whoever runs PostgreSQL do what the hint says; [Maintenance](guides/maintenance.md) "
    "tells how.",
    errors.NotificationFailed: "Correct the address of the channel, or ask whoever runs that server; a job never fails "
    "by it.",
    errors.IdentityProviderFailed: "Look at the server's log and at `python -m app check`; "
    "[Single sign-on](guides/single-sign-on.md) lists what goes wrong with providers.",
    errors.SignInRefused: "Start again from the start page; if it lasts, ask whoever assigns groups at the identity "
    "provider.",
    DamagedBlock: "Restore the block from a backup, and check the disk; points of other series are not affected.",
    UnknownCodec: "Start the version of the server that wrote the block, or a later one.",
    errors.RateLimited: "Wait for `retryAfterSeconds`, which over HTTP is the `Retry-After` header, then send the same "
    "request again; without it ask for less at once. [Limits](guides/limits.md) tells what is counted.",
    errors.OperationTooComplex: "Ask for less at once, or in several operations; `hint` says how. "
    "`explainOperation` measures an operation before it is run; see [Complexity](guides/complexity.md).",
    errors.QuotaExceeded: "Delete what is not needed any more, or ask an owner of the organisation to raise the quota.",
    errors.PersistedQueryNotFound: "Send the text beside the hash, as clients of automatic persisted queries do by "
    "themselves; an id has to be registered first, see [Persisted documents](guides/persisted-documents.md).",
    errors.PersistedQueryNotSupported: "Send `extensions.persistedQuery` with version 1 and a hash, or a `documentId`.",
    errors.DocumentNotTrusted: "Register the document (`python -m app persist manifest.json --client web@1`), or "
    "restore it.",
    errors.DocumentBroken: "Register what fits the present schema; `python -m app persist check` tells what is wrong "
    "with the old one.",
    errors.StartupError: "Do what the hint below the message says.",
    errors.EmbeddedDatabaseError: "Do what the hint says; PostgreSQL's own log is in `postgres/data/log` of the data "
    "folder.",
    errors.SchemaBehindError: "Make a backup, then run `python -m app migrate`.",
    errors.RecordingError: "Bring the file of the recording back, or record it anew with `make demo-data`.",
}
"""What to do about each error; the class tells the code and, in its docstring, the cause."""

PROTOCOL: Final = {
    "GRAPHQL_PARSE_FAILED": ("The document is no GraphQL.", "Correct the syntax at the place in `locations`."),
    "GRAPHQL_VALIDATION_FAILED": (
        "The document does not fit the schema, or `operationName` does not say which of its operations to run.",
        "Compare its fields and arguments with the schema: `python -m app schema`. Name the operation to run.",
    ),
    "INTERNAL_SERVER_ERROR": (
        "Something unexpected happened; the message tells nothing of it on purpose.",
        "Find `traceId` in the server's log, where the whole error stands.",
    ),
}
"""Codes without a class: the endpoint gives them to what GraphQL and HTTP refuse. Cause and cure of each."""

ON_TERMINAL: Final = (errors.StartupError, errors.RecordingError)

_TYPES: Final[dict[type, str]] = {
    Path: "path",
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    timedelta: "duration",
    SecretStr: "secret text",
    Role: "role",
    Profile: "`development` or `production`",
    Audience: "`everybody`, `people` or `nobody`",
    LogFormat: "`text` or `json`",
    ArchiveLevel: "`off`, `archive`, `receiver` or `synchronous`",
}
_SHAPES: Final[dict[Any, str]] = {tuple: "list, with commas", dict: "JSON object"}
_LIMITS: Final = {"ge": "at least {:,}", "le": "at most {:,}", "min_length": "at least {:,} characters"}

SETTINGS_INTRO: Final = """\
Settings are read from environment variables, and from a file `.env` in the folder in which the server is started.
The environment wins. A duration is a number of seconds or ISO 8601, such as `PT30S` or `P14D`.
`python -m app check` says whether the server would start with them."""
ERRORS_INTRO: Final = """\
Every error has a stable `code`; programs branch on it, never on the message. Many have a `hint`, which says what to do
about it, and details such as `field`. Where a mutation's payload is a union, the outcomes that a client has to decide
about are members of it, with the same codes; everything else is a GraphQL error with the code in its `extensions`."""

ON_TERMINAL_INTRO: Final = """\
A command that cannot do its work prints the message and the hint, and exits with 1. No request is answered by these."""


def settings_page() -> str:
    """Return the page of settings in Markdown: a row a field of Settings."""
    rows = [
        (f"`MAESTRO_{name.upper()}`", _type_of(field), _default_of(field), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return page("Settings", SETTINGS_INTRO, table(("Variable", "Type", "Default", "What it does"), rows))


def errors_page() -> str:
    """Return the page of error codes in Markdown, those of requests apart from those that end a command."""
    told = [_row(kind) for kind in CURES if not issubclass(kind, ON_TERMINAL)]
    told += [(f"`{code}`", cause, cure) for code, (cause, cure) in PROTOCOL.items()]
    shown = [_row(kind) for kind in CURES if issubclass(kind, ON_TERMINAL)]
    header = ("Code", "Cause", "Cure")
    sections = (
        "## In answers",
        table(header, sorted(told)),
        "## On the terminal",
        ON_TERMINAL_INTRO,
        table(header, sorted(shown)),
    )
    return page("Error codes", ERRORS_INTRO, *sections)


def pages() -> dict[str, str]:
    """Return the generated pages by their file names in `docs/`."""
    return {
        "settings.md": settings_page(),
        "errors.md": errors_page(),
        "permissions.md": permissions_page(),
        "metrics.md": metrics_page(),
    }


def _row(kind: type[errors.MaestroError]) -> tuple[str, str, str]:
    cause, _, _ = (kind.__doc__ or "").partition("\n\n")
    return f"`{kind.code}`", " ".join(cause.split()), CURES[kind]


def _type_of(field: FieldInfo) -> str:
    if shape := _SHAPES.get(get_origin(field.annotation)):
        return shape
    declared: Any = next((part for part in get_args(field.annotation) if part is not type(None)), field.annotation)
    limits = [
        text.format(getattr(constraint, name))
        for constraint in field.metadata
        for name, text in _LIMITS.items()
        if hasattr(constraint, name)
    ]
    limits += [
        " or ".join(f"`{word}`" for word in constraint.pattern.strip("^$()").split("|"))
        for constraint in field.metadata
        if getattr(constraint, "pattern", None)
    ]
    return ", ".join([_TYPES[declared], *limits])


def _default_of(field: FieldInfo) -> str:
    if field.default in (None, ()):
        return "none"
    return f"`{TypeAdapter(type(field.default)).dump_python(field.default, mode='json')}`"
