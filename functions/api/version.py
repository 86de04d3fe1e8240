"""The API's version: the product's."""

from typing import Final

VERSION: Final = "0.1.0"
