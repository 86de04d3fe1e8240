"""A rule that can't be, and a message that a rule can't judge."""

from retrain.local.servicebus.errors import InvalidEntity


class SyntaxInvalid(InvalidEntity):
    """position: where in the text, from 1."""

    def __init__(self, text: str, position: int, problem: str) -> None:
        super().__init__(
            f"There was an error parsing the SqlExpression '{text}' at position {position}: "
            f"{problem}."
        )
        self.position = position


class FilterError(Exception):
    """A message whose properties do not fit a rule: the service's FilterException."""
