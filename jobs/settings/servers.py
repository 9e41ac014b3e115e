"""What can be set of the servers: where the front door listens, and which Postgres, broker and bucket there are."""

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from jobs.errors import WrongSetting
from jobs.settings.names import PREFIX
from jobs.settings.values import base, is_url, split

BROKERS: Final = ("redis", "rediss", "sentinel", "amqp", "amqps")

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#\s]+")
_EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - told apart from addresses one can call, not listened on
_ENCODED = "percent-encode the password if it has signs like / : @"


class ServerSettings(BaseSettings):
    """Part of `jobs.settings.Settings`, which reads it."""

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
    broker_ca_path: str = Field(
        "", description="PEM file of who vouches for the broker's certificate; empty for those the system trusts."
    )
    broker_sentinel_name: str = Field("mymaster", min_length=1, description="What sentinels call the broker's group.")
    broker_sentinel_password: SecretStr = Field(SecretStr(""), description="Password of the sentinels themselves.")

    s3_endpoint_url: str = Field("", description="The bucket's service; empty for Amazon S3.")
    s3_public_url: str = Field("", description="The host that links are signed for; default the endpoint.")
    s3_region: str = Field("us-east-1", pattern=r"^[a-z0-9-]+$", description="Region links are signed for.")
    s3_bucket: str = Field(
        "duologue", pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="Bucket for inputs and videos."
    )
    s3_access_key_id: SecretStr = Field(SecretStr(""), description="Access key of the bucket.")
    s3_secret_access_key: SecretStr = Field(SecretStr(""), description="Secret key of the bucket.")

    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        ("*",), description="Web origins that may call the API from a browser, comma-separated."
    )

    body_max_bytes: int = Field(64 * 2**20, gt=0, description="Largest request body, inline media included.")
    upload_max_bytes: int = Field(200 * 2**20, gt=0, description="Largest uploaded file.")
    link_seconds: int = Field(24 * 3600, ge=60, le=7 * 86400, description="How long a link to a video works at most.")
    link_min_seconds: int = Field(
        12 * 3600, ge=0, description="How long it works at least; in between, readers are given the same link."
    )

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        return split(value)

    @field_validator("cors_origins")
    @classmethod
    def _must_be_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if strange := [one for one in value if one != "*" and not _ORIGIN.fullmatch(one)]:
            raise ValueError(
                f"{strange[0]} is no origin: write each as https://studio.example.com, without a path, or *"
            )
        return value

    @field_validator("database_url")
    @classmethod
    def _must_be_a_database(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        is_one = is_url(url) and urlsplit(url).scheme.startswith("postgres") and urlsplit(url).path.strip("/")
        if url and not is_one:
            raise ValueError(f"must be postgresql://user:password@host:5432/name; {_ENCODED}")
        return value

    @field_validator("broker_url")
    @classmethod
    def _must_be_a_broker(cls, value: SecretStr) -> SecretStr:
        urls = value.get_secret_value().split(";")  # several are tried in turn
        if any(urls) and not all(is_url(url) and urlsplit(url).scheme in BROKERS for url in urls):
            others = ", ".join(f"{scheme}://" for scheme in BROKERS[1:])
            raise ValueError(f"must be redis://:password@host:6379/0, or {others}; {_ENCODED}")
        if len({urlsplit(url).scheme for url in urls}) > 1:
            raise ValueError("must begin alike in all its parts: brokers of two kinds have nothing in common")
        return value

    @field_validator("broker_ca_path")
    @classmethod
    def _must_be_readable(cls, value: str) -> str:
        if value and not Path(value).is_file():
            raise ValueError("must be the path of a file that is there, with certificates in PEM")
        return value

    @field_validator("public_url", "s3_endpoint_url", "s3_public_url")
    @classmethod
    def _must_be_a_base(cls, value: str) -> str:
        return base(value)

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
