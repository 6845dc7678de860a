"""What goes wrong with S3, as errors of ours, with the vendor's code and the request's id."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import ClientError as BodyError
from botocore import exceptions as vendor

from maestro.errors import Conflict, Forbidden, MaestroError, NotFound, StoreFailed, Transient
from maestro.vendor_errors import NotSupported

_BUSY: Final = frozenset({408, 412, 425, 429, 500, 502, 503, 504})
_DAMAGED: Final = frozenset({"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"})
_PASSING: Final = frozenset(
    {"RequestTimeout", "SlowDown", "InternalError", "OperationAborted", "Throttling", *_DAMAGED}
)
_NOT_BUILT: Final = frozenset({"NotImplemented", "MethodNotAllowed", "NotSupported", "InvalidStorageClass"})
_ARCHIVED: Final = "InvalidObjectState"
_TAKEN: Final = "BucketAlreadyExists"
_DENIED: Final = frozenset(
    {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}
)
_ELSEWHERE: Final = frozenset({"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "301", "307"})
_UNKNOWN: Final = (vendor.NoCredentialsError, vendor.PartialCredentialsError, vendor.CredentialRetrievalError)
_LINE: Final = (vendor.HTTPClientError, vendor.ConnectionError, vendor.IncompleteReadError, BodyError, TimeoutError)
LINE_ERRORS: Final = (*_LINE, asyncio.TimeoutError)
"""What says that the line to the server has failed, and nothing of what was asked."""
MISSING: Final = 404
REFUSED: Final = 403
BEYOND: Final = 416
"""The status for a range that begins behind the end."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What can be done about a missing credential and a wrong region, which depends on whose the store is."""

    credential: str
    region: str


OF_BACKUPS: Final = Advice(
    credential="Set MAESTRO_BACKUP_S3_ACCESS_KEY_ID and MAESTRO_BACKUP_S3_SECRET_ACCESS_KEY, or give the machine a "
    "role.",
    region="Set the region of the bucket: MAESTRO_BACKUP_S3_REGION.",
)
"""For the store that settings of the server name."""
OF_A_CONNECTOR: Final = Advice(
    credential="Give the connector an access key: setConnectorSecret.",
    region="Set the region of the bucket in the connector's settings.",
)


@contextmanager
def translated(what: str, advice: Advice) -> Iterator[None]:
    """Turn what the vendor's library raises during a block into errors of ours, which name `what`."""
    try:
        yield
    except vendor.ClientError as error:
        raise _answered(what, error, advice) from error
    except _UNKNOWN as error:
        raise Forbidden(
            "There are no credentials for the store.", hint=advice.credential, vendorCode=type(error).__name__
        ) from None
    except vendor.SSLError as error:
        raise StoreFailed(
            "The certificate of the store is not to be trusted.",
            hint="Look at the address, and whether the authority that has signed the certificate is known here.",
            vendorCode="SSLError",
        ) from error
    except LINE_ERRORS as error:
        raise Transient(
            f"The store cannot be reached, or breaks off, with {what}.",
            hint="Look whether its address is right, and whether it can be reached from this server.",
            vendorCode=type(error).__name__,
        ) from error
    except (vendor.BotoCoreError, ValueError) as error:
        raise StoreFailed(
            f"The store cannot be asked for {what}: {str(error)[:200]}", vendorCode=type(error).__name__
        ) from error


def status_of(error: vendor.ClientError) -> int:
    """Return the status of an answer."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _answered(what: str, error: vendor.ClientError, advice: Advice) -> MaestroError:
    told, about = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    code, status = str(told.get("Code", "")), status_of(error)
    details: dict[str, Any] = {"vendorCode": code, "requestId": about.get("RequestId") or None}
    if code == "NoSuchBucket":
        return NotFound("There is no such bucket.", hint="Make it, or correct its name in the settings.", **details)
    if status == MISSING:
        return NotFound(f"There is no {what} in the store.", **details)
    if code in _ELSEWHERE:
        return StoreFailed("The bucket is in another region.", hint=advice.region, **details)
    return _refused(what, code, status, details=details) or StoreFailed(
        f"The store cannot do this with {what} ({code}): {str(told.get('Message'))[:200]}", **details
    )


def _refused(what: str, code: str, status: int, *, details: dict[str, Any]) -> MaestroError | None:
    if code == _ARCHIVED:
        hint = "Have it restored from the archive, and try again when that is done."
        return StoreFailed(f"{what} is archived, and cannot be read now.", hint=hint, **details)
    if status == REFUSED or code in _DENIED:
        hint = "Check the access key and its secret, the clock of this machine, and what the key may do in the bucket."
        return Forbidden(f"The store refuses {what} ({code}).", hint=hint, **details)
    if status in _BUSY or code in _PASSING:
        return Transient(f"The store cannot do this now with {what} ({code}).", **details)
    if code in _NOT_BUILT:
        return NotSupported(f"This server cannot do what is asked of {what} ({code}).", **details)
    return (
        Conflict("The bucket is somebody else's.", hint="Choose another name.", **details) if code == _TAKEN else None
    )
