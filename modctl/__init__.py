"""The session controller and logger: engine, chart, controller, command line."""
