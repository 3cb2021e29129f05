"""This machine's throughput beside the reference way and the limit."""

from .report import Effort, Report, Table, run_benchmark

__all__ = ["Effort", "Report", "Table", "run_benchmark"]
