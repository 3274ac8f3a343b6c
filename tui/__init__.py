"""The three screens: table, audit and bench."""
