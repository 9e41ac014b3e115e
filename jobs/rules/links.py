"""Signs links that read one object of an S3 bucket (AWS Signature Version 4 in the query), in microseconds.

The same facts always give the same link. Rule: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Signer:
    """Who signs, and for where: `base` is scheme and host, with the bucket's path if it has one."""

    base: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)

    def link(self, key: str, signed_at: datetime, seconds: int, note: str = "") -> str:
        """A link to `key` that works from `signed_at` on for `seconds`; `note`, as in try=1, is for whoever reads it.

        The bucket pays the note no heed. Its name begins with a small letter, so that the query stays in order.
        """
        origin = urlsplit(self.base)
        path = f"{origin.path.rstrip('/')}/{quote(key, safe='/~')}"
        moment = signed_at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{moment[:8]}/{self.region}/s3/aws4_request"
        query = (
            f"X-Amz-Algorithm={_ALGORITHM}&X-Amz-Credential={quote(f'{self.access_key_id}/{scope}', safe='~')}"
            f"&X-Amz-Date={moment}&X-Amz-Expires={seconds}&X-Amz-SignedHeaders=host"
        ) + (f"&{note}" if note else "")
        request = f"GET\n{path}\n{query}\nhost:{_host(origin.scheme, origin.netloc)}\n\nhost\nUNSIGNED-PAYLOAD"
        to_sign = f"{_ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = _mac(_key_of_the_day(self.secret_access_key, moment[:8], self.region), to_sign).hex()
        return f"{origin.scheme}://{origin.netloc}{path}?{query}&X-Amz-Signature={signature}"


def window_start(now: datetime, window_seconds: int) -> datetime:
    """The last moment before `now` at which a window of that length began; all links of one window are alike."""
    return datetime.fromtimestamp(int(now.timestamp()) // window_seconds * window_seconds, tz=UTC)


def _host(scheme: str, netloc: str) -> str:
    """As clients send it: without the port that goes without saying."""
    return netloc.removesuffix({"http": ":80", "https": ":443"}.get(scheme, "")).lower()


@lru_cache(maxsize=8)
def _key_of_the_day(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = _mac(key, part)
    return key


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
