"""The settings of backups, where they lie and how long they are kept, and of telling people: a part of the server's."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, IPvAnyNetwork, SecretStr
from pydantic_settings import BaseSettings, NoDecode

from maestro.setting_types import Duration, Listed


class BackupSettings(BaseSettings):
    """Where backups lie, how they are sealed, which ones are kept, and how people are told how jobs end."""

    backup_store: str | None = Field(
        default=None,
        description=(
            "Where backups lie: a folder, or a bucket like `s3://bucket/prefix`, `gs://bucket/prefix` or "
            "`az://account/container/prefix`. Without it they lie in the folder `backups` of the data folder, which is "
            "no protection against the loss of this machine."
        ),
    )
    backup_s3_endpoint: str | None = Field(
        default=None, pattern="^https?://[^/]", description="Address of the S3 server when it is not Amazon's."
    )
    backup_s3_region: str | None = Field(default=None, description="Region of the bucket.")
    backup_s3_access_key_id: str | None = Field(
        default=None,
        description=(
            "Access key of the bucket. Without it the credentials are those that Amazon's tools would find: in the "
            "environment, in a profile, or of the machine."
        ),
    )
    backup_s3_secret_access_key: SecretStr | None = Field(default=None, description="Secret of this access key.")
    backup_s3_path_style: bool = Field(
        default=False, description="Whether the bucket stands in the path of an address, and not in its host name."
    )
    backup_gcs_endpoint: str | None = Field(
        default=None,
        pattern="^https?://[^/]",
        description="Address of the server of Google Cloud Storage when it is not Google's own.",
    )
    backup_gcs_credentials_file: Path | None = Field(
        default=None,
        description=(
            "Key file of the service account that backups are stored with, when they lie in a bucket like "
            "`gs://bucket/prefix`. Without it the credentials are those that Google's tools would find: of the "
            "environment, or of the machine."
        ),
    )
    backup_azure_endpoint: str | None = Field(
        default=None,
        pattern="^https?://[^/]",
        description="Address of the account's blob service when it is not `https://<account>.blob.core.windows.net`.",
    )
    backup_azure_account_key: SecretStr | None = Field(
        default=None,
        description="Key of the storage account in whose container, like `az://account/container`, backups lie.",
    )
    backup_azure_sas_token: SecretStr | None = Field(
        default=None,
        description=(
            "Shared access signature for this container, as the query of a URL, in the place of the account's key. It "
            "has to permit to read, create, write, delete and list (`rcwdl`), for as long as backups are made."
        ),
    )
    backup_encryption: bool = Field(
        default=False,
        description=(
            "Whether backups are encrypted, in the format of age, for a key that is derived from the master key. "
            "Whoever loses the master key then loses these backups, unless there are further recipients."
        ),
    )
    backup_recipients: Annotated[tuple[str, ...], NoDecode, Listed] = Field(
        default=(),
        description="Public keys of age, like `age1…`, whose owners can open encrypted backups too; between commas.",
    )
    backup_keep_last: int = Field(default=7, ge=1, description="How many of the latest backups are kept.")
    backup_keep_daily: int = Field(
        default=14, ge=0, description="For how many days, counted from the latest with one, a day's last is kept."
    )
    backup_keep_weekly: int = Field(
        default=8, ge=0, description="For how many weeks, counted from the latest with one, a week's last is kept."
    )
    backup_keep_monthly: int = Field(
        default=12, ge=0, description="For how many months, counted from the latest with one, a month's last is kept."
    )
    backup_keep_days: int = Field(default=30, ge=0, description="For how many days every backup is kept.")
    smtp_url: SecretStr | None = Field(
        default=None,
        description=(
            "Server through which e-mail is sent, like `smtp://user:password@host:587`, encrypted by STARTTLS if the "
            "server can, or `smtps://…`. Without it no e-mail is sent."
        ),
    )
    smtp_from: str | None = Field(default=None, description="Address from which e-mail is sent.")
    webhook_networks: Annotated[tuple[IPvAnyNetwork, ...], NoDecode, Listed] = Field(
        default=(),
        description=(
            "Networks of your own to which webhooks may be sent, between commas, like `10.0.0.0/8`. Public addresses "
            "need no permission; those of a machine itself, of a private network or of a cloud's metadata do."
        ),
    )
    restore_keep: Duration = Field(
        default=timedelta(days=3),
        description="How long the database is kept that a restore has replaced: `rollbackRestore` can return to it.",
    )
