"""The desk at the entrance: one command, `duologue`, that starts the others and answers an operator."""
