"""Families of who is let in, and of what they may ask for."""

from typing import Final

from maestro.telemetry.values import Counter

CREDENTIALS: Final = Counter(
    "credentials_total",
    "Credentials of requests, `key`, `session` or `none`, that were `accepted` or `refused`.",
    ["method", "outcome"],
)
SIGN_INS: Final = Counter(
    "sign_ins_total", "Sign-ins by their way, such as `LINK` or `OIDC`, `accepted` or `refused`.", ["way", "outcome"]
)
CHARGED: Final = Counter(
    "rate_limit_charged_total", "What requests were charged to a bucket: requests, objects or batches.", ["bucket"]
)
REFUSED: Final = Counter(
    "rate_limit_refused_total",
    "Requests that had no room in a bucket, that of their credential or that of its organisation.",
    ["bucket"],
)
QUOTAS: Final = Counter("quota_refusals_total", "Writes that a quota of the organisation has refused.", ["quota"])
SCRAPES_REFUSED: Final = Counter("metrics_refused_total", "Requests for these values that were refused.")
