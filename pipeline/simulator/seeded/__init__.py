"""A synthetic market that is a pure function of seed, symbol and time, in integers, so any moment is cheap to ask."""
