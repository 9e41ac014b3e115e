"""What can be set of what watches over us: metrics and traces."""

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

from jobs.settings.values import base, split


class WatchingSettings(BaseSettings):
    """Part of `jobs.settings.Settings`, which reads it."""

    metrics_port: int = Field(
        0, ge=0, le=65535, description="A port of its own for /metrics and /v1/scaling, without a key; 0 opens none."
    )
    metrics_host: str = Field("127.0.0.1", description="Address that port listens on.")
    metrics_accounts: Annotated[tuple[str, ...], NoDecode] = Field(
        ("*",),
        description="Accounts whose keys may read /metrics and /v1/scaling at the front door, or * for all.",
    )
    traces_url: str = Field(
        "", description="Where traces go, by OTLP over HTTP; OTEL_EXPORTER_OTLP_ENDPOINT says it too. Empty is nowhere."
    )

    @field_validator("metrics_accounts", mode="before")
    @classmethod
    def _split_accounts(cls, value: object) -> object:
        return split(value)

    @field_validator("traces_url")
    @classmethod
    def _traces_go_to_a_base(cls, value: str) -> str:
        return base(value)
