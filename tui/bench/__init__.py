"""The technician's screen: units, their wire, simulated faults, holds, and runs on a load."""
