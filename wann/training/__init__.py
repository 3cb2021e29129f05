"""Training the weights of a topology: by CMA-ES, by gradients."""

from .cma import TuningSettings, train_weights
from .gradient import GradientSettings, train_by_gradient

__all__ = ["GradientSettings", "TuningSettings", "train_by_gradient", "train_weights"]
