"""Units as modctl knows them: words, limits, profiles, drivers and simulators. Imports protocols."""
