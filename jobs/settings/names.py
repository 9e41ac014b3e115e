"""The names of settings in the environment."""

from typing import Final

PREFIX: Final = "DUOLOGUE_"
FILE_SUFFIX: Final = "_FILE"
READ_BY_OTHERS: Final = frozenset({PREFIX + name for name in ("API_URL", "API_KEY", "CI")})
"""Variables with our prefix that are no settings: two of the terminal commands, and one of our tests."""
