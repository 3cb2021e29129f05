"""The throughput of this machine, next to the published implementation and to straight-line C."""

from .report import BenchmarkTable, Effort, Report, run_benchmark

__all__ = ["BenchmarkTable", "Effort", "Report", "run_benchmark"]
