"""The cloud engine's parts: a client of the upstream, and the way its videos take into our bucket."""
