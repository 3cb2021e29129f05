"""What is seen: topologies, curves, fronts, and the report that gathers them."""

from .curves import draw_learning, draw_weight_response
from .fronts import FrontierPoint, draw_front, draw_frontier, non_dominated
from .layout import Layout, layered_layout, paths
from .report import Table, write_report
from .run_report import report_run
from .topology import draw_topology
from .video import Film, check_film, play_film, write_film

__all__ = [
    "Film",
    "FrontierPoint",
    "Layout",
    "Table",
    "check_film",
    "draw_front",
    "draw_frontier",
    "draw_learning",
    "draw_topology",
    "draw_weight_response",
    "layered_layout",
    "non_dominated",
    "paths",
    "play_film",
    "report_run",
    "write_film",
    "write_report",
]
