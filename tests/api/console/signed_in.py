"""A browser without JavaScript for tests: signs in as the console asks for it, and sends forms as pages hold them."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from html import unescape

from httpx import Response
from starlette.testclient import TestClient

from api.app import create_app
from jobs import ids, operators
from jobs.database import transaction
from jobs.operators import passwords, sessions
from jobs.rules.roles import Role
from jobs.tables import Operator

PASSWORD = "correct horse battery"
OURS = {"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}
_TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')


class Browser:
    """Keeps cookies, follows no redirect by itself, and takes the token of a form from the page it was on last."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.token = ""

    def get(self, path: str, **query: str) -> Response:
        return self._remember(self.client.get(f"/console{path}", params=query or None))

    def post(self, path: str, headers: Mapping[str, str] = OURS, **fields: str | list[str]) -> Response:
        form = {"token": self.token} | fields
        return self._remember(self.client.post(f"/console{path}", data=form, headers=dict(headers)))

    def sign_in(self, name: str, password: str = PASSWORD) -> Response:
        self.get("/sign-in")
        answer = self.post("/sign-in", name=name, password=password)
        if answer.status_code == 303:
            self.get("/password")
        return answer

    def come_in(self, name: str) -> "Browser":
        """Be signed in, without the slow look at the password."""
        with transaction() as session:
            token = sessions.begin(session, operators.named(session, name).id, "testclient")
        self.client.cookies.set("duologue_session", token)
        assert self.get("/password").status_code == 200
        return self

    def _remember(self, answer: Response) -> Response:
        if found := _TOKEN.search(answer.text):
            self.token = found[1]
        return answer


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser of its own in front of a front door of its own."""
    with TestClient(create_app(), raise_server_exceptions=False, follow_redirects=False) as client:
        yield Browser(client)


def make(name: str, role: Role = "operator") -> None:
    """An operator with the password of all; hashed once, for it is slow on purpose."""
    with transaction() as session:
        session.add(Operator(id=ids.new_id(), name=name, role=role, password_hash=_hash()))


@cache
def _hash() -> str:
    return passwords.hashed(PASSWORD)


def text_of(answer: Response) -> str:
    """What a reader sees of a page, roughly."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))
