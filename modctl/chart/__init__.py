"""The append-only chart: a Merkle log in SQLite, with signed checkpoints that leave the site."""
