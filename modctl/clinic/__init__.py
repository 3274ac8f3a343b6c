"""Presets, screening and visits: pure, with their data beside them."""
