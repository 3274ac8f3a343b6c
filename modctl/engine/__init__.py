"""What decides: pure functions of state, event and time."""
