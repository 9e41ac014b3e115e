"""Asks the broker whether it is there, in whichever of Celery's tongues its URL is."""

from jobs import broker, doorbell

_SECONDS = 3.0


def why_silent() -> str | None:
    """Why the broker takes no message of ours, in a word that holds no password; None when it does."""
    limits = broker.patience(_SECONDS)
    with doorbell.celery().connection_for_write(connect_timeout=_SECONDS, transport_options=limits) as connection:
        try:
            connection.connect()
        except (*connection.connection_errors, *connection.channel_errors) as error:
            return type(error).__name__
    return None
