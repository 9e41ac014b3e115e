"""A WaveSpeed of your own for tests: it speaks the contract over HTTP, keeps a bill, and fails as it is told to."""
