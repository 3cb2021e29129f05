"""What is kept: the run folder with its manifest, metrics and checkpoints."""

from .checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from .files import write_atomically
from .folder import RunFolder
from .manifest import manifest

__all__ = [
    "Checkpoint",
    "RunFolder",
    "load_checkpoint",
    "manifest",
    "save_checkpoint",
    "write_atomically",
]
