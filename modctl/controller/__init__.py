"""What does: threads, ports and the writer around the engine, and the guard beside it."""
