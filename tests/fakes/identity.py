"""An identity provider that speaks OpenID Connect over HTTP; lets everybody in, and lies as it is told to."""

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response


@dataclass
class Identity:
    """One provider; `claims` are added to what it says of whoever comes, `lies` replace what it would say."""

    client_id: str = "duologue"
    client_secret: str = "a secret: with / signs"
    claims: dict[str, Any] = field(default_factory=dict)
    lies: dict[str, Any] = field(default_factory=dict)
    method: str = "client_secret_basic"
    url: str = ""
    end: str = ""
    """What the name of the issuer ends with after its address."""

    def __post_init__(self) -> None:
        self._key = RSAKey.generate_key(2048, parameters={"kid": "one", "use": "sig"})
        self.another_key = RSAKey.generate_key(2048, parameters={"kid": "one", "use": "sig"})
        self._asked: dict[str, dict[str, str]] = {}
        self.app = FastAPI()
        self.app.get("/.well-known/openid-configuration")(self._discovery)
        self.app.get("/authorize")(self._authorize)
        self.app.post("/token")(self._token)
        self.app.get("/keys")(self._keys)

    @property
    def issuer(self) -> str:
        return self.url + self.end

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.lies.get("issuer", self.issuer),
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint_auth_methods_supported": [self.method],
        }

    def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert (asked["response_type"], asked["client_id"]) == ("code", self.client_id)
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_hex(16)
        self._asked[code] = asked
        answer = urlencode({"code": code, "state": asked["state"], "iss": self.issuer})
        return RedirectResponse(f"{asked['redirect_uri']}?{answer}", 303)

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        asked = self._asked.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        is_right = asked is not None and (
            base64.urlsafe_b64encode(verifier).rstrip(b"=").decode() == asked["code_challenge"]
            and form["redirect_uri"] == asked["redirect_uri"]
            and self._knows(request, form)
        )
        if not is_right or asked is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": self._vouch(asked["nonce"])})

    def _knows(self, request: Request, form: dict[str, str]) -> bool:
        if self.method == "client_secret_post":
            return (form.get("client_id"), form.get("client_secret")) == (self.client_id, self.client_secret)
        given = base64.b64decode(request.headers.get("Authorization", "Basic ").removeprefix("Basic ")).decode()
        return given == f"{self.client_id}:a%20secret%3A%20with%20%2F%20signs"

    def _vouch(self, nonce: str) -> str:
        now = int(time.time())
        said = {"iss": self.issuer, "aud": self.client_id, "sub": "42", "iat": now, "exp": now + 300, "nonce": nonce}
        key = self.another_key if self.lies.get("key") else self._key
        said |= self.claims | {name: value for name, value in self.lies.items() if name not in {"issuer", "key"}}
        return jwt.encode({"alg": "RS256", "kid": "one"}, said, key)

    def _keys(self) -> dict[str, Any]:
        return {"keys": [self._key.as_dict(private=False)]}
