"""The formula language of automatic scaling: text in, targets out; no I/O, no clock of its own.

    text ─ lexer ─▶ tokens ─ parser ─▶ Formula ─ evaluator (samples, now) ─▶ Result

Types, operators, functions and limits are those of Microsoft's page "Create a formula to
automatically scale compute nodes in a Batch pool".
"""

from retrain.local.batch.autoscale.errors import EvaluationError, FormulaSyntaxError
from retrain.local.batch.autoscale.evaluator import Result, Setting, evaluate
from retrain.local.batch.autoscale.parser import parse
from retrain.local.batch.autoscale.samples import Samples
from retrain.local.batch.autoscale.syntax import Formula

__all__ = [
    "EvaluationError",
    "Formula",
    "FormulaSyntaxError",
    "Result",
    "Samples",
    "Setting",
    "evaluate",
    "parse",
]
