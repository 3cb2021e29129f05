"""Pruning of dense networks with PyTorch (the extra ``torch``), and of evolved networks.

Raises:
    BadInput: a name that needs PyTorch is imported where it is not installed.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..errors import BadInput

if TYPE_CHECKING:
    from .compaction import Chain, compact
    from .compression import Compression, CompressionSettings, make_compression
    from .criteria import CRITERIA, Criterion, Probe
    from .curvature import second_derivatives
    from .iteration import Iteration, RoundOutcome
    from .mask import Mask, prunable
    from .models import ModelSettings, make_model
    from .networks import to_network
    from .neurons import without_neurons
    from .objective import CROSS_ENTROPY, SQUARED_ERROR, Objective
    from .once import prune
    from .plan import (
        AnyPruningPlan,
        GradualPlan,
        IterativePlan,
        LevelsPlan,
        NeuronGradualPlan,
        NeuronIterativePlan,
        NeuronOneShotPlan,
        OneShotPlan,
        PruningPlan,
        ThresholdPlan,
    )
    from .quantisation import Quantised
    from .rates import Rates, with_rates
    from .run import PruningRun
    from .schedules import SCHEDULES
    from .scopes import SCOPES, select
    from .settings import PruneConfig, load_prune_config
    from .sparse import SparseChain
    from .training import Examples, TrainingSettings, train

__all__ = [
    "CRITERIA",
    "CROSS_ENTROPY",
    "SCHEDULES",
    "SCOPES",
    "SQUARED_ERROR",
    "AnyPruningPlan",
    "Chain",
    "Compression",
    "CompressionSettings",
    "Criterion",
    "Examples",
    "GradualPlan",
    "Iteration",
    "IterativePlan",
    "LevelsPlan",
    "Mask",
    "ModelSettings",
    "NeuronGradualPlan",
    "NeuronIterativePlan",
    "NeuronOneShotPlan",
    "Objective",
    "OneShotPlan",
    "Probe",
    "PruneConfig",
    "PruningPlan",
    "PruningRun",
    "Quantised",
    "Rates",
    "RoundOutcome",
    "SparseChain",
    "ThresholdPlan",
    "TrainingSettings",
    "compact",
    "load_prune_config",
    "make_compression",
    "make_model",
    "prunable",
    "prune",
    "second_derivatives",
    "select",
    "to_network",
    "train",
    "with_rates",
    "without_neurons",
]

_MODULES = {
    "CRITERIA": "criteria",
    "CROSS_ENTROPY": "objective",
    "Chain": "compaction",
    "Compression": "compression",
    "CompressionSettings": "compression",
    "Criterion": "criteria",
    "Examples": "training",
    "Iteration": "iteration",
    "Mask": "mask",
    "ModelSettings": "models",
    "Objective": "objective",
    "RoundOutcome": "iteration",
    "Probe": "criteria",
    "PruneConfig": "settings",
    "PruningPlan": "plan",
    "AnyPruningPlan": "plan",
    "GradualPlan": "plan",
    "IterativePlan": "plan",
    "LevelsPlan": "plan",
    "NeuronGradualPlan": "plan",
    "NeuronIterativePlan": "plan",
    "NeuronOneShotPlan": "plan",
    "OneShotPlan": "plan",
    "ThresholdPlan": "plan",
    "PruningRun": "run",
    "Rates": "rates",
    "Quantised": "quantisation",
    "SCHEDULES": "schedules",
    "SCOPES": "scopes",
    "SQUARED_ERROR": "objective",
    "SparseChain": "sparse",
    "TrainingSettings": "training",
    "compact": "compaction",
    "make_compression": "compression",
    "load_prune_config": "settings",
    "make_model": "models",
    "prunable": "mask",
    "prune": "once",
    "second_derivatives": "curvature",
    "select": "scopes",
    "to_network": "networks",
    "train": "training",
    "with_rates": "rates",
    "without_neurons": "neurons",
}


def __getattr__(name: str) -> Any:
    # PyTorch is an extra, and takes seconds to import.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if find_spec("torch") is None:
        raise BadInput("pruning needs PyTorch, which is not installed: pip install 'wann[torch]'")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
