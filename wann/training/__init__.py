"""Training the weights of a fixed topology: by CMA-ES, by gradient descent."""

from .cma import TuningSettings, train_weights
from .gradient import GradientSettings, train_by_gradient
from .progress import TuningProgress

__all__ = ["GradientSettings", "TuningProgress", "TuningSettings", "train_by_gradient", "train_weights"]
