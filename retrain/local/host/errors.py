"""What can be wrong with a function app: found at start, so that nothing runs half.

AppRefused          the app, host.json or a binding is not what the real host would start
"""


class AppRefused(RuntimeError):
    """The function app can't start; the message names the function and the binding at fault."""
