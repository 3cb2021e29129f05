"""Run folders: manifest, metrics, checkpoints, and the lock of their one writer."""

from .checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from .folder import RunFolder
from .manifest import Manifest, manifest, read_manifest
from .naming import fresh_folder
from .parts import check_parts, members
from .rounds import PruningOutline, read_rounds

__all__ = [
    "Checkpoint",
    "Manifest",
    "PruningOutline",
    "RunFolder",
    "check_parts",
    "fresh_folder",
    "load_checkpoint",
    "manifest",
    "members",
    "read_manifest",
    "read_rounds",
    "save_checkpoint",
]
