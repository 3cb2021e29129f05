"""The verbs of the command line as Python functions: search, evaluate, tune, prune, show."""

from ..comparison.frontier import frontier
from ..network import Network
from ..pruning.evolved import Shrunk, shrink
from ..reporting import check_video
from ._ask_tell import Search
from ._encoder import read_encoder_settings, train_encoder
from ._evaluate import evaluate
from ._files import export, import_out, load, save
from ._folders import prunes, run_folder
from ._prune import prune, read_prune_config
from ._rates import Chosen, rates
from ._run import FrontNetwork, Metrics, Run
from ._search import read_config, resume, resume_needs, search
from ._settings import settings
from ._show import report, show, video
from ._tasks import needs, tasks
from ._tune import tune

__all__ = [
    "Chosen",
    "FrontNetwork",
    "Metrics",
    "Network",
    "Run",
    "Search",
    "Shrunk",
    "check_video",
    "evaluate",
    "export",
    "frontier",
    "import_out",
    "load",
    "needs",
    "prune",
    "prunes",
    "rates",
    "read_config",
    "read_encoder_settings",
    "read_prune_config",
    "report",
    "resume",
    "resume_needs",
    "run_folder",
    "save",
    "search",
    "settings",
    "show",
    "shrink",
    "tasks",
    "train_encoder",
    "tune",
    "video",
]
