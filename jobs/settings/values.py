"""What several groups of settings ask of a value."""

from urllib.parse import urlsplit


def split(value: object) -> object:
    """The parts of a comma-separated text."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def base(value: str) -> str:
    """A URL that paths are added to, without a trailing slash. Raises ValueError."""
    parts = urlsplit(value)
    if value and (parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment):
        raise ValueError("must be a base such as https://duologue.example.com, without query or fragment")
    return value.rstrip("/")


def is_url(text: str) -> bool:
    """Whether the parts can be told from each other; the text may hold a password and is never repeated."""
    try:
        return bool(urlsplit(text).scheme) and (urlsplit(text).port or 0) >= 0
    except ValueError:
        return False
