"""What is true regardless of clock, chance, session, network and settings: those come in as arguments."""
