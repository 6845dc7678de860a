"""The settings of what is kept for how long, and when a silent run is lost: a part of the server's settings."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import BaseSettings

from maestro.setting_types import Duration


class UpkeepSettings(BaseSettings):
    """How long housekeeping leaves things alone."""

    run_silence: Duration = Field(
        default=timedelta(days=1),
        description=(
            "How long a running run may give no sign of life, by logging or a heartbeat, before it counts as lost. "
            "Logging to it brings it back."
        ),
    )
    idempotency_history: Duration = Field(
        default=timedelta(days=7), description="How long a mutation under an idempotency key may be sent again."
    )
    batch_history: Duration = Field(
        default=timedelta(days=7),
        description="How long after the end of a run a batch that was logged to it may be sent again.",
    )
    sign_in_history: Duration = Field(
        default=timedelta(days=30),
        description="How long sessions, sign-in links and unanswered invitations are kept after they have expired.",
    )
    document_usage_history: Duration = Field(
        default=timedelta(days=365),
        description="How long it is known how a version of a client used a document, since it last did.",
    )
    daily_points_history: Duration = Field(
        default=timedelta(days=400),
        description="How long it is known how many points an organisation has logged on a day.",
    )
    sync_history: Duration = Field(
        default=timedelta(days=14),
        description=(
            "How long it is known object by object what a sync has done, after its end: so long it can be undone, in a "
            "target that keeps versions, and what has failed can be read and tried again."
        ),
    )
    profile_history: Duration = Field(
        default=timedelta(days=14), description="How long profiles of processes are kept, with their files."
    )
