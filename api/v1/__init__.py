"""Our own face: everything WaveSpeed's contract has no word for."""
