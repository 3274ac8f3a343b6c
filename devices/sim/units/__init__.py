"""One simulated unit per file. They do not know each other."""
