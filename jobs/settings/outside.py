"""What can be set of our calls to the outside: what inputs may be fetched from, and how webhooks are posted."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

from jobs.settings.values import split


class OutsideSettings(BaseSettings):
    """Part of `jobs.settings.Settings`, which reads it."""

    allowed_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="Private networks inputs may be fetched from, CIDRs, comma-separated."
    )
    webhook_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="Private networks webhooks may be posted to, over plain http too; CIDRs, comma-separated."
    )
    webhook_http: bool = Field(default=False, description="Whether webhooks may be posted over plain http anywhere.")
    fetch_seconds: int = Field(300, gt=0, description="Most time one input may take to fetch.")
    webhook_seconds: float = Field(15, gt=0, le=60, description="Most time one post of a webhook may take in all.")
    webhook_concurrency: int = Field(16, ge=1, le=256, description="Most posts at once to one receiver of webhooks.")
    webhook_progress_seconds: float = Field(10, gt=0, description="How often at most job.progress is told of one job.")

    @field_validator("allowed_networks", "webhook_networks", mode="before")
    @classmethod
    def _split_networks(cls, value: object) -> object:
        return split(value)
