"""The log as JSON, an object a line, with the fields that a line was written with.

The Functions worker sends a line's formatted text and nothing of its `extra`; so what a query is to
find in Application Insights has to be in the text.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

#: What every record has of its own; all else on it was given as `extra`.
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """`time` (UTC), `level`, `logger`, `message`, then the extra fields that say something."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        fields = {
            "time": at.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in vars(record).items():
            if name not in _OWN and name not in fields and value is not None:
                fields[name] = _plain(value)
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


def write_json(handlers: Iterable[logging.Handler]) -> None:
    """Have these handlers write the log as JSON."""
    for handler in handlers:
        handler.setFormatter(JsonLines())


def _plain(value: Any) -> Any:
    match value:
        case bool() | int() | float() | None:
            return value
        case str():
            return str(value)  # a status too: its word
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(name): _plain(one) for name, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case _:
            return str(value)
