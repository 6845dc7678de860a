"""The settings of a server, read from the environment (`MAESTRO_…`) and from `.env`."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, IPvAnyNetwork, SecretStr
from pydantic_settings import NoDecode, SettingsConfigDict

from maestro.archive_settings import ArchiveSettings
from maestro.backup_settings import BackupSettings
from maestro.connector_settings import ConnectorSettings
from maestro.db.tables.enums import Role
from maestro.job_settings import JobSettings
from maestro.log_settings import LogSettings
from maestro.metrics_settings import MetricsSettings
from maestro.operation_settings import OperationSettings, Parsed
from maestro.origins import is_origin, origin_of
from maestro.rates import checked_rate
from maestro.setting_types import Duration, Listed
from maestro.tracing_settings import TracingSettings
from maestro.upkeep_settings import UpkeepSettings


def _origin(value: str) -> str:
    """Return an origin as browsers write it; ValueError for what is none, and for a `*`."""
    origin = origin_of(value)
    if origin is None or not is_origin(value):
        raise ValueError("an origin looks like https://ml.example.org or http://localhost:3000, and `*` is none")
    return origin


Origin = Annotated[str, AfterValidator(_origin)]
RateText = Annotated[str, AfterValidator(checked_rate)]
"""A rate like `3000/minute`, or `off`."""
CONNECTIONS_BESIDE: Final = 3
"""Of a server process, beside its pool: they listen, read versions, and ask why others were lost."""


class Settings(
    ArchiveSettings,
    BackupSettings,
    ConnectorSettings,
    JobSettings,
    LogSettings,
    MetricsSettings,
    TracingSettings,
    UpkeepSettings,
    OperationSettings,
):
    """Everything that can be configured; each field's description is its documentation."""

    model_config = SettingsConfigDict(
        env_prefix="MAESTRO_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    data_dir: Path = Field(
        default=Path(".maestro"),
        description="Folder of the embedded database, the stored files and the generated secret.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description=(
            "URL of a PostgreSQL server, like `postgresql://user:password@host/database`. "
            "Without it the server starts its own PostgreSQL in the data folder."
        ),
    )
    postgres_programs: Path | None = Field(
        default=None,
        description=(
            "Folder with `pg_dump` and PostgreSQL's other client programs, of the major version of the server. Without "
            "it they are looked for in the path and where systems put them."
        ),
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: str | None = Field(
        default=None,
        pattern="^https?://[^/]",
        description="Address under which browsers reach the server, when it differs from host and port.",
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description=(
            "Key that signs download links and what a browser takes to the identity provider and back; at least 32 "
            "characters. Servers that share a database must share it. Without it one is generated and kept in the "
            "data folder, readable by its owner."
        ),
        min_length=32,
    )
    pool_size: int = Field(default=12, ge=1, le=500, description="Most database connections of one server process.")
    processes: int = Field(
        default=1,
        ge=1,
        le=64,
        description=(
            "How many processes of this server answer on its port. One is enough for a team; more use more processors, "
            "and each takes memory and `MAESTRO_POOL_SIZE` connections of its own."
        ),
    )
    session_ttl: Duration = Field(default=timedelta(days=14), description="How long a browser stays signed in.")
    download_ttl: Duration = Field(
        default=timedelta(minutes=15), description="How long a download link is good when the query names no time."
    )
    trash_ttl: Duration = Field(
        default=timedelta(days=30), description="How long a deleted object stays in the trash before it may be purged."
    )
    max_body_bytes: int = Field(
        default=4 * 1024 * 1024, ge=1024, description="Largest body of a GraphQL request, in bytes."
    )
    max_message_bytes: int = Field(
        default=4 * 1024 * 1024,
        ge=1024,
        description="Largest message on a WebSocket, in bytes; a longer one closes the socket.",
    )
    max_sockets: int = Field(default=5_000, ge=1, description="Most WebSockets that one server process has open.")
    max_sockets_per_viewer: int = Field(
        default=200,
        ge=1,
        description="Most WebSockets of one person or service account, over all processes of a server.",
    )
    max_socket_operations: int = Field(
        default=100, ge=1, description="Most operations that run on one WebSocket at a time."
    )
    socket_ping_interval: Duration = Field(
        default=timedelta(seconds=20), description="Pause between two pings of the server on a WebSocket."
    )
    socket_idle_timeout: Duration = Field(
        default=timedelta(seconds=60),
        description="Time after which a WebSocket is closed whose client says nothing, not even `pong`; looked at "
        "before each ping.",
    )
    socket_send_timeout: Duration = Field(
        default=timedelta(seconds=30),
        description="Time that a client may take to read what it was sent before its WebSocket is closed.",
    )
    max_upload_bytes: int = Field(default=50 * 1024**3, ge=1024, description="Largest file of an artifact, in bytes.")
    operation_timeout: Duration = Field(
        default=timedelta(seconds=30), description="Time after which a query or mutation is cancelled."
    )
    max_batch: int = Field(
        default=0,
        ge=0,
        le=100,
        description="How many operations one request may hold, as a JSON array; 0 refuses arrays.",
    )
    draft_status_codes: bool = Field(
        default=False,
        description=(
            "Whether answers in `application/graphql-response+json` have the status codes that the draft of GraphQL "
            "over HTTP plans: 294 for data with errors, 422 for a document or variables that do not fit the schema."
        ),
    )
    stream_heartbeat: Duration = Field(
        default=timedelta(seconds=12),
        description="Pause after which a silent stream of events sends a sign of life, lest a proxy cuts it off.",
    )
    compact_every: Duration = Field(
        default=timedelta(seconds=30), description="Pause between two rounds of the compaction of metric points."
    )
    master_key: SecretStr | None = Field(
        default=None,
        description=(
            "Master key of stored credentials: 32 bytes in base64; several are separated by commas, the first one is "
            "the current one and the others only open. Servers that share a database must share it. Without it one is "
            "generated and kept in the data folder, readable by its owner."
        ),
    )
    cors_origins: Annotated[tuple[Origin, ...], NoDecode, Listed] = Field(
        default=(),
        description=(
            "Other sites whose pages may send requests, by their origins, like `https://ml.example.org`; "
            "several between commas."
        ),
    )
    trusted_proxies: Annotated[tuple[IPvAnyNetwork, ...], NoDecode, Listed] = Field(
        default=(),
        description=(
            "Addresses or networks of the proxies in front of the server, between commas. Only theirs are the headers "
            "`X-Forwarded-For`, `-Proto` and `-Host` believed."
        ),
    )
    organization_creation: bool = Field(
        default=True, description="Whether whoever is signed in may create organizations, or only be invited to them."
    )
    oidc_issuer: str | None = Field(
        default=None,
        description=(
            "Issuer of the OpenID Connect provider by which people sign in, exactly as its discovery document has it."
        ),
    )
    oidc_client_id: str | None = Field(
        default=None, description="Id under which this server is registered with the provider."
    )
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="Secret with which this server shows the provider that it is the one registered."
    )
    oidc_name: str = Field(default="single sign-on", description="What the start page calls the provider.")
    oidc_scopes: str = Field(
        default="openid profile email", description="What is asked of the provider, with spaces between; has `openid`."
    )
    oidc_groups_claim: str = Field(
        default="groups",
        description="Claim of the ID token, or else of the provider's user info, that lists somebody's groups.",
    )
    oidc_roles: Annotated[dict[str, Role], NoDecode, Parsed] = Field(
        default={},
        description=(
            'Roles that groups of the provider give, like `{"ml-admins": "ADMIN", "ml": "CONTRIBUTOR"}`; '
            "of several the highest one counts."
        ),
    )
    oidc_default_role: Role | None = Field(
        default=None, description="Role of people in none of these groups; without one only members may sign in."
    )
    oidc_organization: str | None = Field(
        default=None,
        description="Organisation in which groups give roles, by its id or a slug of its own; else the first one.",
    )
    redis_url: SecretStr | None = Field(
        default=None,
        description=(
            "URL of a Redis or Valkey server, like `redis://:password@host:6379/0`, through which several servers "
            "share rate limits, automatic persisted queries and what they keep of answers. Without it each server "
            "counts rates for itself, and each process keeps what it has seen."
        ),
    )
    documents: str = Field(
        default="open",
        pattern="^(open|mixed|trusted)$",
        description=(
            "Which documents run: `open`, any text, which clients may leave under its hash; `mixed`, in browsers known "
            "ones alone, by API keys any text; `trusted`, known ones alone."
        ),
    )
    cache: bool = Field(
        default=True,
        description=(
            "Whether answers are kept and given again while what they were made of has not changed: in memory and, "
            "with a `MAESTRO_REDIS_URL`, in Redis."
        ),
    )
    cache_bytes: int = Field(
        default=64 * 1024**2, ge=0, description="Memory of one server process for the answers of fields, in bytes."
    )
    answer_cache_bytes: int = Field(
        default=64 * 1024**2,
        ge=0,
        description="Memory of one server process for whole answers that are ready to be sent, in bytes.",
    )
    rate_limit_requests: RateText = Field(
        default="6000/minute", description="Operations that one API key or session may send, or `off`."
    )
    rate_limit_cost: RateText = Field(
        default="2000000/minute",
        description="Objects that answers to one API key or session may hold, by the cost of operations, or `off`.",
    )
    rate_limit_ingest: RateText = Field(
        default="30000/minute",
        description="Batches that one API key or session may log and files that it may send, or `off`.",
    )
    rate_limit_organization: int = Field(
        default=10,
        ge=0,
        description="How many times these limits an organisation has for all its keys and sessions; 0 for no limit.",
    )

    @property
    def connections_of_process(self) -> int:
        """The most connections to the database that one server process has: the pool's, and those beside it."""
        return self.pool_size + CONNECTIONS_BESIDE
