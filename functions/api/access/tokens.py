"""Tokens of Microsoft Entra ID: whether they are good, whose they are, which roles they bring."""

from collections.abc import Mapping
from typing import Any, Final

import jwt
from jwt import PyJWKClient
from jwt.exceptions import PyJWKClientConnectionError, PyJWKClientError, PyJWTError

from functions.api.access.callers import BadToken, Caller
from functions.api.access.roles import highest
from shared.domain.errors import Transient
from shared.settings import SignIn

#: Seconds by which the issuer's clock may differ from ours.
LEEWAY: Final = 120
#: Seconds for which the issuer's keys are kept; an unknown one is looked up at once.
KEEP_KEYS: Final = 3600
#: Version 1 tokens, which some clients still get, have another issuer.
_FIRST_ISSUER: Final = "https://sts.windows.net/{tenant}/"


class Tokens:
    """Checks bearers' tokens against the issuer's keys, which it fetches when it needs them."""

    def __init__(self, sign_in: SignIn) -> None:
        self.sign_in = sign_in
        tenant = f"{sign_in.authority}/{sign_in.tenant}"
        self._issuers = [f"{tenant}/v2.0", _FIRST_ISSUER.format(tenant=sign_in.tenant)]
        self._keys = PyJWKClient(
            f"{tenant}/discovery/v2.0/keys", cache_jwk_set=True, lifespan=KEEP_KEYS, timeout=10
        )

    def caller(self, authorization: str) -> Caller:
        """authorization: the header, "" for none. Raises BadToken, and Transient when the
        issuer's keys can't be had."""
        scheme, _, token = authorization.partition(" ")
        if scheme.casefold() != "bearer" or not token.strip():
            raise self._refused("This Retrain asks for a token of Microsoft Entra ID.", "NoToken")
        try:
            claims: dict[str, Any] = jwt.decode(
                token.strip(),
                self._keys.get_signing_key_from_jwt(token.strip()).key,
                algorithms=["RS256"],
                audience=[self.sign_in.client, f"api://{self.sign_in.client}"],
                issuer=self._issuers,
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud"]},
            )
        except PyJWKClientConnectionError as error:
            raise Transient(
                f"The keys of {self.sign_in.authority} can't be had: {error}.", code="NoKeys"
            ) from error
        except (PyJWTError, PyJWKClientError) as error:
            raise self._refused(f"The token is not good: {error}.", "BadToken") from error
        return Caller(_name(claims), highest(_texts(claims.get("roles"))))

    def _refused(self, message: str, code: str) -> BadToken:
        remedy = f"Sign in: `retrain login`, or send a token for api://{self.sign_in.client}."
        return BadToken(message, remedy=remedy, code=code)


def _name(claims: Mapping[str, Any]) -> str:
    """As people know it; an application has its id only."""
    for claim in ("preferred_username", "upn", "unique_name", "azp", "appid", "oid", "sub"):
        if isinstance(claims.get(claim), str) and claims[claim]:
            return str(claims[claim])
    return "somebody"


def _texts(claim: Any) -> list[str]:
    return [one for one in claim if isinstance(one, str)] if isinstance(claim, list) else []
