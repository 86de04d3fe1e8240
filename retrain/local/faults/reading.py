"""`faults.yml` from disk: a plan, or every problem with file, line and column."""

from pathlib import Path

from retrain.jobfile.errors import JobFileError, located
from retrain.jobfile.source import read_source
from retrain.local.faults.plan import Plan, parse_plan
from shared.jobs import InvalidDocument


def read_plan(path: Path) -> Plan:
    """Raises JobFileError: `faults.yml:3:5: rules[0].times: must be at least 1; …`."""
    source = read_source(path)
    try:
        return parse_plan(source.document)
    except InvalidDocument as error:
        raise JobFileError(path, located(error.problems, source.places)) from None
