"""Features that several jobs compute."""


def squares(count: int) -> list[int]:
    """The squares of 0 to count - 1."""
    return [number * number for number in range(count)]
