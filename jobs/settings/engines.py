"""What can be set of the engines: which there are, the upstream that cloud forwards to, and who renders what."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from jobs.settings.names import PREFIX
from jobs.settings.values import base, split

EngineName = Literal["gpu", "cloud", "preview"]


class EngineSettings(BaseSettings):
    """Part of `jobs.settings.Settings`, which reads it."""

    engines: Annotated[tuple[EngineName, ...], NoDecode] = Field(
        ("preview",), description="Engines jobs may be given to here, comma-separated."
    )
    wavespeed_url: str = Field("https://api.wavespeed.ai", description="The upstream that cloud forwards to.")
    wavespeed_api_keys: SecretStr = Field(
        SecretStr(""),
        description="Keys of the upstream with tiers, KEY:TIER,KEY:TIER: bronze, silver, gold, ultra or 600/2000.",
    )
    wavespeed_inputs: Literal["auto", "links", "uploads"] = Field(
        "auto",
        description="How the upstream gets its inputs: links into the bucket, uploads, or what fits its address.",
    )
    wavespeed_callbacks: bool = Field(
        default=False, description="Whether the upstream can reach public_url with its webhooks; else it is asked."
    )
    wavespeed_poll_seconds: float = Field(10, gt=0, description="How often the upstream is asked about all it has.")
    wavespeed_list_lag_seconds: float = Field(
        30, ge=0, description="How late a job may come into the upstream's list; waited before it is sent again."
    )
    wavespeed_doubt_seconds: float = Field(
        900, gt=0, description="After so long, a job that the upstream gives no word of is marked as possibly charged."
    )
    wavespeed_collect_seconds: float = Field(
        21600,
        ge=0,
        description="So long a finished video that does not come is fetched; then it is made, and paid, anew.",
    )
    gpu_usd_per_hour: Decimal = Field(
        Decimal(0), ge=0, allow_inf_nan=False, description="What an hour of the own GPU costs, for costs and margins."
    )
    route_wait_seconds: float = Field(
        600, ge=0, description="How long a job may have to wait for a GPU before auto gives it to the cloud."
    )
    cloud_overflow: bool = Field(
        default=True, description="Whether auto gives jobs to the cloud where there are GPUs too."
    )
    cloud_budget_usd: Decimal = Field(
        Decimal(0), ge=0, description="What the cloud may cost us a month, USD; 0 is no limit."
    )

    @field_validator("engines", mode="before")
    @classmethod
    def _split_engines(cls, value: object) -> object:
        return split(value)

    @field_validator("wavespeed_url")
    @classmethod
    def _upstream_must_be_a_base(cls, value: str) -> str:
        return base(value)

    @model_validator(mode="after")
    def _the_cloud_has_keys(self) -> Self:
        if "cloud" in self.engines and not self.wavespeed_api_keys.get_secret_value():
            raise ValueError(
                f"{PREFIX}ENGINES names cloud, which needs {PREFIX}WAVESPEED_API_KEYS: set your keys of the upstream "
                "with their tiers, as in KEY:silver, or take cloud out"
            )
        return self
