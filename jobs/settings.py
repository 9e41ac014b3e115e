"""Everything that can be set, read once into one frozen object; a wrong setting stops the program with a sentence."""

import os
import re
from collections.abc import Iterator
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from jobs.errors import WrongSetting
from jobs.gpu_settings import GpuSettings

PREFIX = "DUOLOGUE_"
FILE_SUFFIX = "_FILE"
READ_BY_OTHERS: Final = frozenset({PREFIX + name for name in ("API_URL", "API_KEY", "CI")})
"""Variables with our prefix that are no settings: two of the terminal commands, and one of our tests."""

BROKERS: Final = ("redis", "rediss", "amqp", "amqps")

_EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - told apart from addresses one can call, not listened on

_ENCODED = "percent-encode the password if it has signs like / : @"
_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?$")

EngineName = Literal["gpu", "cloud", "preview"]


class Settings(GpuSettings):
    """Names are the environment's without the prefix; every unit is in the name."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)

    data_dir: Path = Field(Path(".duologue"), description="Folder of the embedded servers and their logs.")
    host: str = Field("127.0.0.1", description="Address the front door listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port the front door listens on.")
    door_processes: int = Field(1, ge=1, le=64, description="How many processes of the front door share the port.")
    public_url: str = Field("", description="Base of every URL of our own; default http://HOST:PORT.")
    log_format: Literal["text", "json"] = Field("text", description="Log lines for people or for machines.")

    database_url: SecretStr = Field(
        SecretStr(""), description="Postgres 15 or later: postgresql://user:password@host/name."
    )
    database_pool_size: int = Field(10, ge=1, description="Most connections one process keeps to Postgres.")
    broker_url: SecretStr = Field(SecretStr(""), description="Celery broker: redis://:password@host:6379/0.")

    s3_endpoint_url: str = Field("", description="The bucket's service; empty for Amazon S3.")
    s3_public_url: str = Field("", description="The host that links are signed for; default the endpoint.")
    s3_region: str = Field("us-east-1", description="Region links are signed for.")
    s3_bucket: str = Field("duologue", description="Bucket for inputs and videos.")
    s3_access_key_id: SecretStr = Field(SecretStr(""), description="Access key of the bucket.")
    s3_secret_access_key: SecretStr = Field(SecretStr(""), description="Secret key of the bucket.")

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
    gpu_usd_per_hour: Decimal = Field(
        Decimal(0), ge=0, allow_inf_nan=False, description="What an hour of the own GPU costs, for costs and margins."
    )
    allowed_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="Private networks inputs may be fetched from, CIDRs, comma-separated."
    )
    webhook_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="Private networks webhooks may be posted to, over plain http too; CIDRs, comma-separated."
    )
    webhook_http: bool = Field(default=False, description="Whether webhooks may be posted over plain http anywhere.")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        ("*",), description="Web origins that may call the API from a browser, comma-separated."
    )

    body_max_bytes: int = Field(64 * 2**20, gt=0, description="Largest request body, inline media included.")
    upload_max_bytes: int = Field(200 * 10**6, gt=0, description="Largest uploaded file.")
    fetch_seconds: int = Field(300, gt=0, description="Most time one input may take to fetch.")
    link_seconds: int = Field(24 * 3600, ge=60, le=7 * 86400, description="How long a link to a video works at most.")
    link_min_seconds: int = Field(
        12 * 3600, ge=0, description="How long it works at least; in between, readers are given the same link."
    )
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

    route_wait_seconds: float = Field(
        600, ge=0, description="How long a job may have to wait for a GPU before auto gives it to the cloud."
    )
    cloud_overflow: bool = Field(
        default=True, description="Whether auto gives jobs to the cloud where there are GPUs too."
    )
    cloud_budget_usd: Decimal = Field(
        Decimal(0), ge=0, description="What the cloud may cost us a month, USD; 0 is no limit."
    )

    webhook_seconds: float = Field(15, gt=0, le=60, description="Most time one post of a webhook may take in all.")
    webhook_concurrency: int = Field(16, ge=1, le=256, description="Most posts at once to one receiver of webhooks.")
    webhook_progress_seconds: float = Field(10, gt=0, description="How often at most job.progress is told of one job.")

    lease_seconds: float = Field(60, gt=0, description="A worker silent for so long has lost its job.")
    renew_seconds: float = Field(2, gt=0, description="How often a worker renews its lease and hears of a cancel.")
    chore_seconds: float = Field(5, gt=0, description="How often rescue, ringing again and deadlines are looked after.")
    grace_seconds: float = Field(3, gt=0, description="What a rendering gets between SIGTERM and SIGKILL.")
    drain_seconds: float = Field(
        600, ge=0, description="What a stopping worker gives running jobs before handing back."
    )
    silence_seconds: float = Field(600, gt=0, description="A rendering that says nothing for so long is ended.")
    sync_seconds: float = Field(120, gt=0, description="How long a caller in sync mode is kept waiting.")
    attempts_max: int = Field(5, ge=1, description="How often one job is tried in all.")
    wait_seconds: int = Field(7 * 86400, gt=0, description="How long a job may wait before it fails.")
    run_seconds: int = Field(6 * 3600, gt=0, description="How long one attempt may run.")
    total_seconds: int = Field(8 * 86400, gt=0, description="How long a job may take in all.")

    @field_validator("engines", "allowed_networks", "webhook_networks", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _must_be_a_database(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        is_one = _is_url(url) and urlsplit(url).scheme.startswith("postgres") and urlsplit(url).path.strip("/")
        if url and not is_one:
            raise ValueError(f"must be postgresql://user:password@host:5432/name; {_ENCODED}")
        return value

    @field_validator("broker_url")
    @classmethod
    def _must_be_a_broker(cls, value: SecretStr) -> SecretStr:
        urls = value.get_secret_value().split(";")  # several are tried in turn
        if any(urls) and not all(_is_url(url) and urlsplit(url).scheme in BROKERS for url in urls):
            others = ", ".join(f"{scheme}://" for scheme in BROKERS[1:])
            raise ValueError(f"must be redis://:password@host:6379/0, or {others}; {_ENCODED}")
        return value

    @field_validator("public_url", "s3_endpoint_url", "s3_public_url", "wavespeed_url")
    @classmethod
    def _must_be_a_base(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment):
            raise ValueError("must be a base such as https://duologue.example.com, without query or fragment")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _the_cloud_has_keys(self) -> Self:
        if "cloud" in self.engines and not self.wavespeed_api_keys.get_secret_value():
            raise ValueError(
                f"{PREFIX}ENGINES names cloud, which needs {PREFIX}WAVESPEED_API_KEYS: set your keys of the upstream "
                "with their tiers, as in KEY:silver, or take cloud out"
            )
        return self

    @model_validator(mode="after")
    def _a_lease_outlives_its_renewals(self) -> Self:
        if self.lease_seconds < 3 * self.renew_seconds:
            raise ValueError(
                f"{PREFIX}LEASE_SECONDS must be at least three times {PREFIX}RENEW_SECONDS, "
                "or one slow renewal loses a job"
            )
        return self

    @model_validator(mode="after")
    def _a_link_keeps_its_minimum(self) -> Self:
        if self.link_min_seconds > self.link_seconds:
            raise ValueError(
                f"{PREFIX}LINK_MIN_SECONDS must not be more than {PREFIX}LINK_SECONDS; lower the one or raise the other"
            )
        return self

    @model_validator(mode="after")
    def _a_bucket_has_its_keys(self) -> Self:
        """With neither endpoint nor keys there is no bucket yet: `duologue up` brings one."""
        keys = {name: getattr(self, name).get_secret_value() for name in ("s3_access_key_id", "s3_secret_access_key")}
        missing = [PREFIX + name.upper() for name, key in keys.items() if not key]
        if missing and (self.s3_endpoint_url or any(keys.values())):
            raise ValueError(
                f"the bucket has no {' and no '.join(missing)}: set both keys with {PREFIX}S3_ENDPOINT_URL, "
                "or none of the three, and `duologue up` runs a bucket of its own"
            )
        return self

    @property
    def base_url(self) -> str:
        """Where we are from outside, without a trailing slash."""
        host = "127.0.0.1" if self.host in _EVERYWHERE else self.host
        return self.public_url or f"http://{host}:{self.port}"

    def secret(self, name: str) -> str:
        """A secret that must be there: its text, or WrongSetting naming the variable to set."""
        text: str = getattr(self, name).get_secret_value()
        if not text:
            raise WrongSetting(
                f"{PREFIX}{name.upper()} is not set. Start everything with `duologue up`, or set it in the environment."
            )
        return text


@cache
def load() -> Settings:
    """Read the environment, once per process. Raises WrongSetting naming every variable that cannot work."""
    wrong = list(_strangers())
    try:
        chosen = Settings.model_validate(_secrets_from_files())
    except ValidationError as error:
        raise WrongSetting("\n".join(wrong + _sentences(error))) from None
    if wrong:
        raise WrongSetting("\n".join(wrong))
    return chosen


def _strangers() -> Iterator[str]:
    """A sentence for each variable of ours that nobody reads: a slip of the pen must not pass for a setting."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    known |= {variable + FILE_SUFFIX for variable in known} | READ_BY_OTHERS
    for variable, value in os.environ.items():
        if variable.startswith(PREFIX) and variable not in known and not _is_service_link(variable, value):
            names = sorted(name.removeprefix(PREFIX) for name in known)
            near = get_close_matches(variable.removeprefix(PREFIX), names, n=1)
            advice = f"did you mean {PREFIX}{near[0]}?" if near else "docs/settings.md lists them all."
            yield f"{variable}: there is no such setting; {advice}"


def _is_service_link(variable: str, value: str) -> bool:
    """Kubernetes tells every container of every service beside it: one that is called duologue-x is no setting."""
    return bool(_SERVICE_LINK.search(variable)) or (variable.endswith("_PORT") and "://" in value)


def _secrets_from_files() -> dict[str, str]:
    """Read `DUOLOGUE_X_FILE` into `x`, as container platforms hand over secrets; the file wins over the variable."""
    found = {}
    for variable, path in os.environ.items():
        name = variable.removeprefix(PREFIX).removesuffix(FILE_SUFFIX).lower()
        is_ours = variable.startswith(PREFIX) and variable.endswith(FILE_SUFFIX) and name in Settings.model_fields
        if is_ours and path:
            try:
                found[name] = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise WrongSetting(f"{variable} names {path}, which cannot be read: {error.strerror}.") from None
    return found


def _sentences(error: ValidationError) -> list[str]:
    """One line a problem; what several settings do wrong together names them itself."""
    lines = []
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        variable = f"{PREFIX}{problem['loc'][0]}: ".upper() if problem["loc"] else ""
        sentence = f"{variable}{problem['msg'].removeprefix('Value error, ')}."
        lines.append(sentence[0].upper() + sentence[1:])
    return lines


def _is_url(text: str) -> bool:
    """Whether the parts can be told from each other; the text may hold a password and is never repeated."""
    try:
        return bool(urlsplit(text).scheme) and (urlsplit(text).port or 0) >= 0
    except ValueError:
        return False
