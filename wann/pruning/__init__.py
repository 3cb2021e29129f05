"""The other way down: dense networks made small, by PyTorch (the extra ``torch``).

Raises:
    BadInput: on import, where PyTorch is not installed.
"""

from ..errors import BadInput

try:
    import torch  # noqa: F401
except ImportError:
    raise BadInput("pruning needs PyTorch, which is not installed: pip install 'wann[torch]'") from None

from .compaction import Chain, compact
from .criteria import CRITERIA, Criterion, Probe
from .curvature import second_derivatives
from .iteration import Iteration, Outcome, PruningPlan
from .mask import Mask, prunable
from .models import ModelSettings, make_model
from .networks import to_network
from .neurons import without_neurons
from .objective import CROSS_ENTROPY, SQUARED_ERROR, Objective
from .once import prune
from .quantisation import Quantised
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
    "Chain",
    "Criterion",
    "Examples",
    "Iteration",
    "Mask",
    "ModelSettings",
    "Objective",
    "Outcome",
    "Probe",
    "PruneConfig",
    "PruningPlan",
    "PruningRun",
    "Quantised",
    "SparseChain",
    "TrainingSettings",
    "compact",
    "load_prune_config",
    "make_model",
    "prunable",
    "prune",
    "second_derivatives",
    "select",
    "to_network",
    "train",
    "without_neurons",
]
