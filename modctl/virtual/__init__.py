"""Virtual time: a whole station on a clock that jumps; the only runtime package that reaches the simulators."""
