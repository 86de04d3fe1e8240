"""What can be done to a service at once, without a rule."""

from collections.abc import Callable, Mapping
from typing import Any

#: Takes the fields of a request and says what it did. Raises InvalidDocument by field.
Action = Callable[[Mapping[str, Any]], Mapping[str, Any]]
