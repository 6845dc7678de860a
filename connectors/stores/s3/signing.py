"""Signatures of version 4 under requests for objects, as the vendor describes them."""

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

EMPTY: Final = hashlib.sha256().hexdigest()
"""The digest of no bytes."""
_ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(slots=True)
class Signer:
    """Signs requests for objects in a region; what a day and a credential come to is worked out once."""

    region: str
    _made_of: tuple[str, str, str] = field(default=("", "", ""), repr=False)
    _scope: str = ""
    _beginning: str = field(default="", repr=False)
    _key: bytes = field(default=b"", repr=False)

    def signed(
        self, request: "Request", headers: Mapping[str, str], credentials: Any, *, at: float | None = None
    ) -> dict[str, str]:
        """Return the headers of a request with a signature; `credentials` are those that the library has."""
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
        told = {**headers, "host": request.host, "x-amz-content-sha256": request.sha256, "x-amz-date": moment}
        if credentials.token:
            told["x-amz-security-token"] = credentials.token
        names = sorted(told)
        signed = ";".join(names)
        lines = "".join([f"{name}:{told[name]}\n" for name in names])
        if len(lines.split()) != len(names):
            lines = "".join([f"{name}:{' '.join(told[name].split())}\n" for name in names])
        asked = f"{request.method}\n{request.path}\n{request.query}\n{lines}\n{signed}\n{request.sha256}"
        key = self._key_of(moment[:8], credentials.access_key, credentials.secret_key)
        text = f"{_ALGORITHM}\n{moment}\n{self._scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        told["authorization"] = f"{self._beginning}{signed}, Signature={signature}"
        return told

    def _key_of(self, day: str, access_key: str, secret: str) -> bytes:
        if self._made_of != (day, access_key, secret):
            key = b"AWS4" + secret.encode()
            for part in (day, self.region, "s3", "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._made_of, self._key = (day, access_key, secret), key
            self._scope = f"{day}/{self.region}/s3/aws4_request"
            self._beginning = f"{_ALGORITHM} Credential={access_key}/{self._scope}, SignedHeaders="
        return self._key


@dataclass(frozen=True, slots=True)
class Request:
    """What is signed beside the headers: `path` and `query` as they are sent, and the digest of the body."""

    method: str
    host: str
    path: str
    query: str = ""
    sha256: str = EMPTY
