"""One figure: what it is, how much, in which unit."""

Measured = tuple[str, float, str]
