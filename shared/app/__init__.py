"""Use cases: what the doors call. They speak to the world through ports alone."""
