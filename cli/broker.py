"""Asks the broker whether it is there, in whichever of Celery's tongues its URL is."""

from kombu.connection import Connection

from jobs import settings

_SECONDS = 3.0


def why_silent() -> str | None:
    """Why the broker takes no message of ours, in a word that holds no password; None when it does."""
    limits = {"socket_timeout": _SECONDS, "socket_connect_timeout": _SECONDS}
    url = settings.load().broker_url.get_secret_value()
    with Connection(url, connect_timeout=_SECONDS, transport_options=limits) as connection:  # type: ignore[no-untyped-call]
        try:
            connection.connect()
        except (*connection.connection_errors, *connection.channel_errors) as error:
            return type(error).__name__
    return None
