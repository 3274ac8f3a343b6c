"""The command line. Results on stdout, talk on stderr; no logic of its own."""
