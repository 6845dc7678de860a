"""The settings of background jobs and their workers: a part of the server's settings."""

from datetime import timedelta

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from maestro.setting_types import Duration


class JobSettings(BaseSettings):
    """What can be configured of jobs; each field's description is its documentation."""

    workers: int = Field(
        default=1,
        ge=0,
        le=64,
        description="How many worker processes the server starts to run background jobs; 0 leaves them to "
        "`python -m app work`.",
    )
    job_concurrency: int = Field(
        default=4,
        ge=1,
        le=100,
        description="Most jobs that one worker process runs at a time; the one that is started last decides for all.",
    )
    job_attempts: int = Field(
        default=5, ge=1, le=100, description="How often a step of a job is tried that fails in a way which may pass."
    )
    job_backoff: Duration = Field(
        default=timedelta(seconds=2),
        description="Pause before a step of a job is tried again; it doubles each time, and is varied a little.",
    )
    job_drain: Duration = Field(
        default=timedelta(seconds=5),
        description="How long jobs go on when their worker is stopped; then they are left to others, which go on where "
        "they were.",
    )
    job_crashes: int = Field(
        default=3,
        ge=0,
        le=100,
        description="How often a worker may die while it runs a job; once more, and the job fails for good.",
    )
    job_history: Duration = Field(
        default=timedelta(days=90), description="How long jobs that have ended are kept, with what happened to them."
    )
    operations_url: SecretStr | None = Field(
        default=None,
        description=(
            "URL by which workers back up, restore and tend the database: of an account that owns the tables and may "
            "create databases. Without it MAESTRO_DATABASE_URL serves where its account is such a one; the embedded "
            "database needs none."
        ),
    )
