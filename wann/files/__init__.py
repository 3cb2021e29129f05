"""Reading files within limits of size and depth, and writing them atomically.

All files that the package reads or writes go through here. Files may be hostile: sizes are checked before
anything is unpacked, nothing is executed, and every problem ends in a ``BadInput`` that names the file.
"""

from .archives import array_of, npz_bytes, parse_npz, read_npz
from .reading import LARGEST_TABLE, gunzip, read_bytes, read_json, read_rows, read_table, read_toml
from .writing import append_text, flush, make_folder, write_atomically

__all__ = [
    "LARGEST_TABLE",
    "append_text",
    "array_of",
    "flush",
    "gunzip",
    "make_folder",
    "npz_bytes",
    "parse_npz",
    "read_bytes",
    "read_json",
    "read_npz",
    "read_rows",
    "read_table",
    "read_toml",
    "write_atomically",
]
