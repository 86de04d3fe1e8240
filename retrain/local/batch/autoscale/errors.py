"""What can be wrong with a formula: its form, which is refused, or its evaluation, which is told.

FormulaError
├── FormulaSyntaxError   it can't be read
└── EvaluationError      a name, a type, a number is wrong
    └── InsufficientData   too few samples for what GetSample was told to demand
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple


class Position(NamedTuple):
    """Both count from 1."""

    line: int
    column: int


class FormulaError(Exception):
    """`detail` says where and what, as the service words it."""

    def __init__(self, at: Position, what: str) -> None:
        self.detail = f"Line {at.line}, Col {at.column}: {what}"
        super().__init__(self.detail)


class FormulaSyntaxError(FormulaError):
    """The formula can't be read."""


class EvaluationError(FormulaError):
    """The formula can't be evaluated; the pool stays as it is."""

    CODE: str = "AutoScalingFormulaEvaluationError"
    MESSAGE: str = "Autoscale evaluation failed due to an error in the formula"

    def document(self) -> dict[str, Any]:
        """The error of a pool's autoScaleRun."""
        values = [{"name": "Message", "value": self.detail}]
        return {"code": self.CODE, "message": self.MESSAGE, "values": values}


class InsufficientData(EvaluationError):
    """Fewer samples are there than the formula demands."""

    CODE = "InsufficientSampleData"
    MESSAGE = "Autoscale evaluation failed due to insufficient sample data"


#: Where an error has no place of its own: the formula as a whole.
NOWHERE: Final = Position(1, 1)
