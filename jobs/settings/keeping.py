"""What can be set of money and of time: what is charged, what is kept and for how long."""

from pydantic import Field
from pydantic_settings import BaseSettings


class KeepingSettings(BaseSettings):
    """Part of `jobs.settings.Settings`, which reads it."""

    minimum_seconds: int = Field(5, ge=1, le=600, description="Least seconds of video a job is priced at.")
    unlimited_balance_usd: float = Field(
        1_000_000, ge=0, allow_inf_nan=False, description="The balance that accounts without a limit are told, USD."
    )
    keep_videos_days: float = Field(
        7, gt=0, description="How long a finished job is kept with its video and inputs; then a thin row of it stays."
    )
    keep_idempotency_hours: float = Field(24, gt=0, description="How long an Idempotency-Key names its job.")
    keep_deliveries_days: float = Field(
        30, gt=0, description="How long the log of webhooks is kept, and at most what a paused endpoint is owed."
    )
    keep_uploads_days: float = Field(7, gt=0, le=7, description="How long an upload and its link are kept.")
    keep_archive_months: int = Field(
        0, ge=0, description="How many whole months the archive keeps what was created before them; 0 is for ever."
    )
