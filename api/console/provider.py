"""The identity provider, spoken to over OpenID Connect: authorization code with PKCE, state and nonce.

What has to be remembered between the way out and the way back is drawn from the secret in the browser's cookie, so that
an answer is of use only to the browser that asked.
"""

import hmac
import math
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from api.console import origin
from api.console.address import PREFIX
from jobs import settings
from jobs.errors import NotAllowed, Unavailable
from jobs.rules import roles
from jobs.rules.roles import Role
from jobs.settings import Settings

BACK: Final = f"{PREFIX}/sso/back"

# None in which the client's secret would be the key, and not "none".
_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_PATIENCE_SECONDS: Final = 10.0
_LEEWAY_SECONDS: Final = 60
_KEPT_SECONDS: Final = 600.0
_FAILURE_KEPT_SECONDS: Final = 30.0
_NOT_ASKED: Final = "This answer of the identity provider is to another question; sign in once more."


@dataclass(frozen=True)
class Person:
    """Whom the provider vouches for; `subject` is the same for ever, the name need not be."""

    subject: str
    name: str
    role: Role


_known: dict[str, tuple[float, dict[str, Any] | str]] = {}
"""What each issuer says of itself, or the sentence it failed with, and until when that is not asked again."""


def forget() -> None:
    """Ask the provider anew what it says of itself."""
    _known.clear()


def way_out(secret: str, back: str) -> str:
    """The provider's page to send the browser to. Raises Unavailable."""
    chosen = settings.load()
    endpoint = str(_discover(chosen)["authorization_endpoint"])
    challenge = create_s256_code_challenge(_verifier(secret))
    url: str = prepare_grant_uri(
        endpoint,
        chosen.oidc_client_id,
        "code",
        redirect_uri=_redirect_uri(chosen),
        scope=chosen.oidc_scopes,
        state=f"{origin.token_of(secret, f'state {back}')}.{back}",
        nonce=_nonce(secret),
        code_challenge=challenge,
        code_challenge_method="S256",
    )
    return url


def way_back(secret: str, code: str, state: str, issuer: str) -> tuple[Person, str]:
    """Whom the answer of the provider is about, and where they wanted to go.

    Raises Unavailable, and NotAllowed for an answer to somebody else's question, a forged one, or one without a role.
    """
    chosen = settings.load()
    token, _, back = state.partition(".")
    is_ours = bool(secret) and hmac.compare_digest(token.encode(), origin.token_of(secret, f"state {back}").encode())
    if not is_ours:
        raise NotAllowed(_NOT_ASKED)
    provider = _discover(chosen)
    if issuer and issuer != provider["issuer"]:
        raise NotAllowed(_NOT_ASKED)
    with _client() as client:
        claims = _claims(client, provider, chosen, secret, code)
    role = roles.role_of_claims(claims, chosen.oidc_role_claim, chosen.oidc_operators, chosen.oidc_readers)
    if role is None:
        raise NotAllowed("The identity provider knows you, but gives you no role here; ask whoever looks after it.")
    name = str(claims.get(chosen.oidc_name_claim) or claims.get("email") or claims["sub"])
    return Person(f"{chosen.oidc_issuer} {claims['sub']}", name, role), back


def _claims(client: httpx.Client, provider: dict[str, Any], chosen: Settings, secret: str, code: str) -> dict[str, Any]:
    """What the provider says of whoever came with `code`, its signature and its purpose checked."""
    answer = _ask(client, "POST", str(provider["token_endpoint"]), **_exchange(provider, chosen, secret, code))
    keys = _ask(client, "GET", str(provider["jwks_uri"]))
    try:
        token = jwt.decode(str(answer["id_token"]), KeySet.import_key_set(keys), algorithms=_ALGORITHMS)  # type: ignore[arg-type]  # JSON of another's
        JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": provider["issuer"]},
            aud={"essential": True, "value": chosen.oidc_client_id},
            sub={"essential": True},
            exp={"essential": True},
            nonce={"essential": True, "value": _nonce(secret)},
        ).validate(token.claims)
    except (JoseError, KeyError, ValueError) as error:
        raise NotAllowed("What the identity provider says of you does not hold; sign in once more.") from error
    if token.claims.get("azp", chosen.oidc_client_id) != chosen.oidc_client_id:
        raise NotAllowed("What the identity provider says of you was said to somebody else.")
    return dict(token.claims)


def _exchange(provider: dict[str, Any], chosen: Settings, secret: str, code: str) -> dict[str, Any]:
    """The code and what proves that it is ours, with our secret where the provider wants it."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": _redirect_uri(chosen),
        "code_verifier": _verifier(secret),
    }
    name, password = chosen.oidc_client_id, chosen.oidc_client_secret.get_secret_value()
    if "client_secret_basic" in provider.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
        return {"data": form, "auth": (quote(name, safe=""), quote(password, safe=""))}  # RFC 6749, section 2.3.1
    return {"data": form | {"client_id": name, "client_secret": password}}


def _discover(chosen: Settings) -> dict[str, Any]:
    """What the provider says of itself; asked now and then, for strangers cause it. Raises Unavailable."""
    until, found = _known.get(chosen.oidc_issuer, (-math.inf, ""))
    if time.monotonic() > until:
        try:
            found, kept_seconds = _asked(chosen), _KEPT_SECONDS
        except Unavailable as error:
            found, kept_seconds = str(error), _FAILURE_KEPT_SECONDS
        _known[chosen.oidc_issuer] = (time.monotonic() + kept_seconds, found)
    if isinstance(found, str):
        raise Unavailable(found)
    return found


def _asked(chosen: Settings) -> dict[str, Any]:
    """What the provider says of itself; another issuer there would vouch for anybody.

    Some end their name with a slash: as it is said here it has to be in all that they say.
    """
    with _client() as client:
        found = _ask(client, "GET", f"{chosen.oidc_issuer}/.well-known/openid-configuration")
    if str(found.get("issuer", "")).rstrip("/") != chosen.oidc_issuer or not {
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
    } <= set(found):
        raise Unavailable("The identity provider does not say what it must; look at DUOLOGUE_OIDC_ISSUER.")
    return found


def _ask(client: httpx.Client, method: str, url: str, **sent: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx's own
    try:
        found = client.request(method, url, **sent).raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise Unavailable("The identity provider does not answer as it should; try again.") from error
    if not isinstance(found, dict):
        raise Unavailable("The identity provider does not answer as it should; try again.")
    return found


def _client() -> httpx.Client:
    return httpx.Client(timeout=_PATIENCE_SECONDS, headers={"Accept": "application/json"})


def _redirect_uri(chosen: Settings) -> str:
    return f"{chosen.base_url}{BACK}"


def _nonce(secret: str) -> str:
    return origin.token_of(secret, "nonce")


def _verifier(secret: str) -> str:
    return origin.token_of(secret, "verifier")
