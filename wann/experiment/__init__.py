"""A search as people run it: its configuration, its run folder, one generation after another."""

from .ancestor import read_ancestor
from .config import Config, load_config, parse_config
from .generation import Generations, Phases, Step
from .run import CHECKPOINT_SECONDS, Experiment, Progress
from .start import resume_search, start_search

__all__ = [
    "CHECKPOINT_SECONDS",
    "Config",
    "Experiment",
    "Generations",
    "Phases",
    "Progress",
    "Step",
    "load_config",
    "parse_config",
    "read_ancestor",
    "resume_search",
    "start_search",
]
