"""The tree of errors: every class has a stable code and a message that is safe to show."""

from typing import Any, ClassVar


class MaestroError(Exception):
    """Something we can explain.

    `code` is stable and documented, `hint` says what to do about it, `details` holds plain JSON values that a
    client can act on (they become GraphQL `extensions`).
    """

    code: ClassVar[str] = "INTERNAL_SERVER_ERROR"
    is_retryable: ClassVar[bool] = False
    """Whether the same may succeed when it is tried again a little later."""

    def __init__(self, message: str, *, hint: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    @property
    def extensions(self) -> dict[str, Any]:
        """What a client is told beside the message: the code, the hint and the details that are known."""
        known = {"code": self.code, "hint": self.hint, **self.details}
        return {name: value for name, value in known.items() if value is not None}


class InvalidInput(MaestroError):
    """The request is well formed, a value in it is not acceptable; `field` says where."""

    code = "BAD_USER_INPUT"

    def __init__(self, message: str, *, field: str | None = None, hint: str | None = None, **details: Any) -> None:
        super().__init__(message, hint=hint, field=field, **details)


class BadRequest(MaestroError):
    """The request is no GraphQL request by its body, method or media type; `field` names the member that is wrong."""

    code = "BAD_REQUEST"

    def __init__(self, message: str, *, field: str | None = None, hint: str | None = None, **details: Any) -> None:
        super().__init__(message, hint=hint, field=field, **details)


class Unauthenticated(MaestroError):
    """Nobody is signed in, or the credential is not valid any more."""

    code = "UNAUTHENTICATED"


class Forbidden(MaestroError):
    """The viewer is known and may not do this."""

    code = "FORBIDDEN"


class NotFound(MaestroError):
    """There is no such object, or it belongs to somebody else: the two are never told apart."""

    code = "NOT_FOUND"


class Conflict(MaestroError):
    """The object is not in the state that the request assumes."""

    code = "CONFLICT"


class LastOwner(Conflict):
    """An organization always has an owner; the last one can neither leave nor become less."""

    code = "LAST_OWNER"


class NameTaken(Conflict):
    """Another live object has this name."""

    code = "NAME_TAKEN"


class StaleVersion(Conflict):
    """The object has changed since the caller read it; `current` is the row as it is, `noun` the name of its type."""

    code = "STALE_VERSION"

    def __init__(self, message: str, *, noun: str, current: Any, hint: str | None = None) -> None:
        super().__init__(message, hint=hint, currentVersion=current.version)
        self.noun = noun
        self.current = current


class DigestMismatch(MaestroError):
    """The bytes are not the ones that the caller named by their digest; what differs is in the details."""

    code = "DIGEST_MISMATCH"


class PayloadTooLarge(MaestroError):
    """More than a limit allows; the limit is in the details."""

    code = "PAYLOAD_TOO_LARGE"


class MasterKeyMissing(MaestroError):
    """A stored credential was encrypted under a master key that this server does not have."""

    code = "MASTER_KEY_MISSING"


class DamagedSecret(MaestroError):
    """A stored credential is not what was written, or was moved to where it does not belong."""

    code = "DAMAGED_SECRET"


class Unavailable(MaestroError):
    """The server cannot answer now; trying again later may succeed."""

    code = "SERVICE_UNAVAILABLE"
    is_retryable = True


class Restoring(Unavailable):
    """The database is just being exchanged for a restored one, which takes seconds; `retryAfterSeconds` says when."""

    code = "RESTORING"


class Transient(MaestroError):
    """Something outside has failed in a way that passes: a network, a store, a server that is starting."""

    code = "TRANSIENT_FAILURE"
    is_retryable = True


class StoreFailed(MaestroError):
    """A store of files cannot do what is asked of it, and could not a little later; `vendorCode` is its own word."""

    code = "STORE_FAILED"


class ProgramFailed(MaestroError):
    """A program of PostgreSQL ended with an error, and would again; `program` and `exitCode` say which and how."""

    code = "PROGRAM_FAILED"


class PreflightFailed(MaestroError):
    """Work was not begun because it could not have ended well; `checks` lists what is missing."""

    code = "PREFLIGHT_FAILED"


class BackupRefused(MaestroError):
    """A backup is not one to rely on: `reason` says why. Nothing was changed."""

    code = "BACKUP_REFUSED"


class VerificationFailed(MaestroError):
    """What was restored is not what was backed up; `tables` says where they differ."""

    code = "VERIFICATION_FAILED"


class StatisticsMissing(MaestroError):
    """PostgreSQL does not count what is asked for, or does not tell this account."""

    code = "STATISTICS_MISSING"


class ProfileFailed(MaestroError):
    """A process could not be profiled: none took it up, it has ended meanwhile, or it does not know what was asked."""

    code = "PROFILE_FAILED"


class CrashedTooOften(MaestroError):
    """The worker that ran a job has died again and again; a job has this error, no request."""

    code = "CRASHED_TOO_OFTEN"
    is_retryable = True


class PartlyDone(MaestroError):
    """A job has done a part of its work, and says what is left; a job has this error, no request."""

    code = "PARTLY_DONE"


class NotificationFailed(MaestroError):
    """Somebody could not be told how a job has ended: their server does not take it."""

    code = "NOTIFICATION_FAILED"


class IdentityProviderFailed(MaestroError):
    """The identity provider cannot be reached, or what it says is not to be relied on; nobody is signed in."""

    code = "IDENTITY_PROVIDER_FAILED"


class SignInRefused(MaestroError):
    """Somebody cannot sign in: their browser has come back too late, or nothing here is for them."""

    code = "SIGN_IN_REFUSED"


class RateLimited(MaestroError):
    """More is asked for in a time than a rate limit allows; `bucket` says which one, `retryAfterSeconds` when to retry.

    Without `retryAfterSeconds` the request is larger than the whole limit and never fits.
    """

    code = "RATE_LIMITED"


class OperationTooComplex(MaestroError):
    """An operation, or its document, is more than is run; `measure` says of what, with its `value` and the `limit`.

    There is no `value` where counting stopped at the limit.
    """

    code = "OPERATION_TOO_COMPLEX"


class QuotaExceeded(MaestroError):
    """The organisation would hold more than its quota allows; `quota` says which one, with its `limit` and `used`."""

    code = "QUOTA_EXCEEDED"


class PersistedQueryNotFound(MaestroError):
    """Nothing is known under the hash or the id; clients of automatic persisted queries send the text next."""

    code = "PERSISTED_QUERY_NOT_FOUND"

    def __init__(self) -> None:
        # Some clients know it by its message.
        super().__init__("PersistedQueryNotFound")


class PersistedQueryNotSupported(MaestroError):
    """The request names a document in a way that this server does not know; clients send texts from then on."""

    code = "PERSISTED_QUERY_NOT_SUPPORTED"

    def __init__(self) -> None:
        # Some clients know it by its message.
        super().__init__("PersistedQueryNotSupported")


class DocumentNotTrusted(MaestroError):
    """This server runs documents that are registered, and this is none, or it was retired."""

    code = "DOCUMENT_NOT_TRUSTED"


class DocumentBroken(MaestroError):
    """The registered document does not fit the schema any more."""

    code = "DOCUMENT_BROKEN"


class StartupError(MaestroError):
    """The process cannot start; shown on the terminal, never to a client."""

    code = "STARTUP_FAILED"


class EmbeddedDatabaseError(StartupError):
    """The embedded PostgreSQL cannot be started or reached."""

    code = "EMBEDDED_DATABASE_FAILED"


class SchemaBehindError(StartupError):
    """The database lacks migrations that this version needs."""

    code = "SCHEMA_BEHIND"


class RecordingError(MaestroError):
    """A recording of demo data is damaged or of another version."""

    code = "BAD_RECORDING"
