"""One driver per kind of unit. Drivers know neither each other nor the simulators."""
