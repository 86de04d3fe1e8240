"""The refusal of a binding in a place of a script where no quoting could make it right."""


class UnsafePlace(ValueError):
    """A binding stands where the shell would not take its value as it is, or can't be followed."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
