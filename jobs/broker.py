"""How Celery speaks with the broker that is set: patience, trust and queues, in the words of each kind."""

import ssl
from typing import Any
from urllib.parse import urlsplit

from kombu.entity import Queue
from kombu.transport import virtual

from jobs import settings

SOCKET_SECONDS = 2.0
"""What a connection, or a ring's way into a queue, may take."""

_FROZEN_SECONDS = 10
_RABBITMQ = ("amqp", "amqps")
_WITH_TLS = ("rediss", "amqps")
RINGS_MAX = 10_000
"""What a queue holds: rings that nobody hears must not fill a disk or a memory, and a chore rings again."""

_QUORUM = {
    "x-queue-type": "quorum",
    # A ring is acknowledged before it is followed: what comes back so often found only workers that died of hearing it.
    "x-delivery-limit": 5,
    "x-max-length": RINGS_MAX,
}


def configuration() -> dict[str, Any]:
    """Celery's own settings for this broker. Raises WrongSetting when none is set."""
    chosen = settings.load()
    url = chosen.secret("broker_url")
    kind = scheme(url)
    return {
        "broker_url": url,
        "broker_use_ssl": _trust(kind, chosen.broker_ca_path) if kind in _WITH_TLS else False,
        "broker_connection_timeout": SOCKET_SECONDS,
        "broker_heartbeat": _FROZEN_SECONDS,
        "broker_transport_options": _options(kind),
        "worker_disable_prefetch": kind not in _RABBITMQ,  # which has a prefetch of its own
    }


def scheme(url: str) -> str:
    """What a broker's URL begins with; of several all begin alike."""
    return urlsplit(url).scheme


def queue(name: str) -> Queue:
    """A queue as this broker is to keep it. RabbitMQ refuses whoever names other arguments for one that is there."""
    is_rabbitmq = scheme(settings.load().secret("broker_url")) in _RABBITMQ
    return Queue(name, queue_arguments=_QUORUM if is_rabbitmq else None)  # type: ignore[no-untyped-call]


def is_full(channel: Any, name: str) -> bool:  # noqa: ANN401 - each kind of broker has channels of its own
    """Whether a queue holds as many rings as it may. RabbitMQ sees to that itself: there the oldest ring goes."""
    if not isinstance(channel, virtual.Channel):
        return False
    found = channel.queue_declare(queue=name)  # type: ignore[no-untyped-call]  # kombu is untyped
    return int(found.message_count) >= RINGS_MAX


def patience(seconds: float) -> dict[str, float]:
    """Transport options of whoever waits no longer than this for any answer."""
    limits = ("socket_timeout", "socket_connect_timeout", "read_timeout", "write_timeout")
    return dict.fromkeys(limits, seconds)


def _options(kind: str) -> dict[str, Any]:
    if kind in _RABBITMQ:
        # A ring that was refused or went nowhere is told, as with the others.
        return {"confirm_publish": True, "write_timeout": SOCKET_SECONDS}
    shared = {
        "socket_timeout": _FROZEN_SECONDS,
        "socket_connect_timeout": SOCKET_SECONDS,
        "health_check_interval": _FROZEN_SECONDS,
        "visibility_timeout": 3600,
    }
    return shared | _sentinel() if kind == "sentinel" else shared


def _sentinel() -> dict[str, Any]:
    chosen = settings.load()
    password = chosen.broker_sentinel_password.get_secret_value()
    limits = {"socket_timeout": SOCKET_SECONDS, "socket_connect_timeout": SOCKET_SECONDS}
    return {
        "master_name": chosen.broker_sentinel_name,
        "sentinel_kwargs": limits | ({"password": password} if password else {}),
    }


def _trust(kind: str, authorities: str) -> dict[str, Any]:
    """Verify the certificate and its name, which neither client does unless it is told to."""
    if kind == "rediss":
        return {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True, "ssl_ca_certs": authorities or None}
    # Without a name of its own the URL's is asked for.
    return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None, "ca_certs": authorities or None}
