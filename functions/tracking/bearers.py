"""Who asks, by the token that the client sends, as such or as a password; and whom."""

import base64
import binascii

from fastapi import Request

from shared.app.tracking_tokens import Bearer, Unauthenticated
from shared.wiring import Product


def bearer(request: Request) -> Bearer:
    """Raises Unauthenticated. The first in a process reads the secret."""
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    match kind.lower():
        case "bearer":
            token = text.strip()
        case "basic":
            token = _password(text)
        case _:
            raise Unauthenticated("There is no token.")
    return ours(request).tokens.bearer(token)


def ours(request: Request) -> Product:
    """The product that the app serves."""
    product: Product = request.app.state.product()
    return product


def _password(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Unauthenticated("The Authorization header can't be read.") from error
