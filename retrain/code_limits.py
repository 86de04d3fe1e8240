"""How much code may travel, by option, environment variable or profile, the first that says it."""

import os

from retrain.problem import Problem
from retrain.profile import Profile
from retrain.snapshot import Limits

MEGABYTES, FILES = "RETRAIN_CODE_MAX_MB", "RETRAIN_CODE_MAX_FILES"


class BadLimit(Problem):
    exit_code = 2


def code_limits(
    profile: Profile | None = None, max_mb: float | None = None, max_files: int | None = None
) -> Limits:
    """Return the limits for a snapshot. Raises BadLimit for a variable that is no number above 0.

    max_mb: in units of 1,000,000 bytes.  None: as the variable says, else the profile, else 300 MB
    and 2,000 files.
    """
    default = Limits()
    mb = max_mb if max_mb is not None else _variable(MEGABYTES)
    files = max_files if max_files is not None else _variable(FILES)
    if mb is None and profile is not None:
        mb = profile.code_max_mb
    if files is None and profile is not None:
        files = profile.code_max_files
    return Limits(
        default.bytes if mb is None else round(mb * 1_000_000),
        default.files if files is None else int(files),
    )


def _variable(name: str) -> float | None:
    text = os.environ.get(name)
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < 1e9:
        raise BadLimit(f"{name} is {text!r}, which is no number above 0.", "Set it, say, to 500.")
    return number
