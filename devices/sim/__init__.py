"""Simulated units, written from the units' documents, never from the drivers."""
