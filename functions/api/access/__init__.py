"""Who may do what with the API.

With function keys the host has asked already, and whoever has the key may do everything. With
Microsoft Entra ID the host lets all pass and the guard asks for a token, whose app roles say what
its bearer may do.
"""

from functions.api.access.guard import Guard
from functions.api.access.rates import Rates
from shared.settings import SignIn

__all__ = ["Guard", "guard"]


def guard(sign_in: SignIn | None, rate: int) -> Guard:
    """sign_in: None when the host asks for keys.  rate: requests a minute, 0 for any number."""
    if sign_in is None:
        return Guard(None, Rates(rate))
    # PyJWT and its cryptography are nothing that an app with function keys needs to load.
    from functions.api.access.tokens import Tokens

    return Guard(Tokens(sign_in), Rates(rate))
