"""The auditor's screen: find a session, read it, verify the chart, take copies. Reads only."""
