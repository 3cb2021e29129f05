"""Pictures of topologies, learning curves, fronts and episodes, and the HTML report of a run."""

from ..network import draw_with
from .curves import draw_learning, draw_weight_response
from .frames import write_frames
from .fronts import FrontierPoint, draw_front, draw_frontier, non_dominated
from .layout import Layout, layered_layout
from .report import Table, write_report
from .run_report import report_run
from .sweep import draw_sweep
from .topology import draw_topology, names_in_picture, plot_topology
from .video import check_video, write_video

__all__ = [
    "FrontierPoint",
    "Layout",
    "Table",
    "check_video",
    "draw_front",
    "draw_frontier",
    "draw_learning",
    "draw_sweep",
    "draw_topology",
    "draw_weight_response",
    "layered_layout",
    "names_in_picture",
    "non_dominated",
    "plot_topology",
    "report_run",
    "write_frames",
    "write_report",
    "write_video",
]

draw_with(plot_topology)
