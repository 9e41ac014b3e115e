"""What can be set of the work: leases, deadlines, and how long everybody waits for everybody."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

from jobs.settings.names import PREFIX


class WorkSettings(BaseSettings):
    """Part of `jobs.settings.Settings`, which reads it."""

    lease_seconds: float = Field(60, gt=0, description="A worker silent for so long has lost its job.")
    renew_seconds: float = Field(2, gt=0, description="How often a worker renews its lease and hears of a cancel.")
    chore_seconds: float = Field(5, gt=0, description="How often rescue, ringing again and deadlines are looked after.")
    grace_seconds: float = Field(3, gt=0, description="What a rendering gets between SIGTERM and SIGKILL.")
    drain_seconds: float = Field(
        600, ge=0, description="What a stopping worker gives running jobs before handing back."
    )
    silence_seconds: float = Field(600, gt=0, description="A rendering that says nothing for so long is ended.")
    checker: str = Field(
        "", description="A program that is given every video rendered here: it ends with 0, or 3 if it found something."
    )
    checker_seconds: float = Field(300, gt=0, description="How long that program may look at one video.")
    sync_seconds: float = Field(120, gt=0, description="How long a caller in sync mode is kept waiting.")
    attempts_max: int = Field(5, ge=1, description="How often one job is tried in all.")
    wait_seconds: int = Field(7 * 86400, gt=0, description="How long a job may wait before it fails.")
    run_seconds: int = Field(4 * 86400, gt=0, description="How long one attempt may run.")
    total_seconds: int = Field(12 * 86400, gt=0, description="How long a job may take in all.")

    @model_validator(mode="after")
    def _a_lease_outlives_its_renewals(self) -> Self:
        if self.lease_seconds < 3 * self.renew_seconds:
            raise ValueError(
                f"{PREFIX}LEASE_SECONDS must be at least three times {PREFIX}RENEW_SECONDS, "
                "or one slow renewal loses a job"
            )
        return self
