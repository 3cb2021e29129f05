"""One's own labelled data as tasks: rows of features with a class each."""

from .reading import TABLE_SUFFIXES, Table, npz_of, parse_labelled, read_labelled
from .settings import TableSettings
from .task import make_table_task

__all__ = [
    "TABLE_SUFFIXES",
    "Table",
    "TableSettings",
    "make_table_task",
    "npz_of",
    "parse_labelled",
    "read_labelled",
]
