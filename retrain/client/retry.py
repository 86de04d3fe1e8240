"""Asking again: every call of this client is safe to repeat, so a lost answer is no lost run.

GET, PUT and DELETE are idempotent by nature; the POSTs are by their content's hash, or carry an
Idempotency-Key. What is repeated: a connection that fails or breaks, and the answers that mean
"not now". Waits grow, with some chance in them so that many clients do not return at once.
"""

import random
import time
from collections.abc import Callable

import httpx

NOT_NOW = frozenset({429, 502, 503, 504})
WAITS = (0.1, 0.4, 1.5)  # seconds before the second, third and fourth try
LONGEST_ASKED = 30.0  # seconds; what a server may ask for with Retry-After


def send(
    client: httpx.Client,
    make: Callable[[], httpx.Request],
    *,
    not_now: frozenset[int] = NOT_NOW,
    stream: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> httpx.Response:
    """Send what `make` makes, up to four times; `make` is called anew for each try.

    Returns the last answer, whatever its status; raises httpx.TransportError when there was none.
    """
    for wait in WAITS:
        try:
            response = client.send(make(), stream=stream)
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError):
            raise  # ours to mend, and the same next time
        except httpx.TransportError:
            pause = wait
        else:
            if response.status_code not in not_now:
                return response
            pause = max(wait, _asked(response))
            response.close()
        sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  no secret
    return client.send(make(), stream=stream)


def _asked(response: httpx.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return min(float(text), LONGEST_ASKED) if text.isdigit() else 0.0
