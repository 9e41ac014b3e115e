"""What can be set of the operators' console: how long somebody stays signed in, and single sign-on."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from jobs.settings.names import PREFIX
from jobs.settings.values import base, split

_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


class ConsoleSettings(BaseSettings):
    """Part of `jobs.settings.Settings`, which reads it."""

    console: bool = Field(default=True, description="Whether the front door serves the operators' console, /console.")
    console_idle_minutes: int = Field(
        60, ge=1, le=7 * 1440, description="An operator who does nothing for so long is signed out."
    )
    console_session_hours: int = Field(
        12, ge=1, le=30 * 24, description="An operator signs in again after so long, however busy."
    )
    oidc_issuer: str = Field("", description="OpenID Connect provider that operators may sign in with; its issuer URL.")
    oidc_client_id: str = Field("", description="What the provider calls the console.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="The console's secret at the provider.")
    oidc_scopes: str = Field("openid profile email", description="What is asked of the provider, with blanks between.")
    oidc_name_claim: str = Field("preferred_username", description="The claim that names an operator.")
    oidc_role_claim: str = Field(
        "groups", description="The claim that tells an operator's role; dots lead into objects."
    )
    oidc_operators: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Values of that claim that make an operator, comma-separated."
    )
    oidc_readers: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Values of that claim that make a reader, comma-separated."
    )

    @field_validator("oidc_operators", "oidc_readers", mode="before")
    @classmethod
    def _split_values(cls, value: object) -> object:
        return split(value)

    @field_validator("oidc_issuer")
    @classmethod
    def _must_be_an_issuer(cls, value: str) -> str:
        parts = urlsplit(base(value))
        if parts.scheme == "http" and parts.hostname not in _THIS_MACHINE:
            raise ValueError("must begin with https://: who is let in is decided by what it says")
        return base(value)

    @model_validator(mode="after")
    def _a_provider_is_whole(self) -> Self:
        if self.oidc_issuer and not (
            self.oidc_client_id
            and self.oidc_client_secret.get_secret_value()
            and (self.oidc_operators or self.oidc_readers)
        ):
            names = ("OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_OPERATORS or " + PREFIX + "OIDC_READERS")
            raise ValueError(f"{PREFIX}OIDC_ISSUER needs {', '.join(PREFIX + name for name in names)} too")
        return self
