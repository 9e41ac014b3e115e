"""The WaveSpeed face: the contract existing clients rely on, to the letter."""
