"""What is kept: the run folder with its manifest, metrics and checkpoints."""

from .checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from .files import write_atomically
from .folder import RunFolder
from .manifest import manifest
from .naming import fresh_folder
from .parts import check_parts, members

__all__ = [
    "Checkpoint",
    "RunFolder",
    "check_parts",
    "fresh_folder",
    "load_checkpoint",
    "manifest",
    "members",
    "save_checkpoint",
    "write_atomically",
]
