"""Where it is computed: the Evaluator protocol and its backends."""

from .evaluator import Evaluator
from .local import LocalEvaluator, available_cores

__all__ = ["Evaluator", "LocalEvaluator", "available_cores"]
