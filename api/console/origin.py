"""Whether a form was sent from a page of ours: by what the browser says of where it comes from, and by its token."""

import hashlib
import hmac
from urllib.parse import urlsplit

from starlette.requests import Request

from jobs import settings
from jobs.errors import NotAllowed

_NOT_OURS = "This form was not sent from a page of this console; open the page here and send it again."
_STALE = "This form is of an earlier session or page; go back, load the page again and send it once more."


def token_of(secret: str, purpose: str = "form") -> str:
    """What only a page can know that was drawn for whoever has `secret` in their cookie."""
    return hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def check(request: Request, secret: str, token: str) -> None:
    """Raises NotAllowed for a form from elsewhere, or one drawn for somebody else."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if (site is not None and site != "same-origin") or (origin is not None and not _is_ours(request, origin)):
        raise NotAllowed(_NOT_OURS)
    if not secret or not hmac.compare_digest(token_of(secret).encode(), token.encode()):
        raise NotAllowed(_STALE)


def _is_ours(request: Request, origin: str) -> bool:
    """A proxy may hand on the host it was called by, or another: the public address is ours in any case."""
    return urlsplit(origin).netloc in {request.headers.get("Host", ""), urlsplit(settings.load().base_url).netloc} - {
        ""
    }
