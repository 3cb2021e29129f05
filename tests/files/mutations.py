"""Damage to files: bits, values, shapes, members, sizes and depths; the same for the same generator."""

from __future__ import annotations

import copy
import csv
import gzip
import io
import json
import random
import re
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import numpy as np
import tomli_w
from numpy.typing import NDArray

__all__ = [
    "archive",
    "bombs",
    "in_bytes",
    "in_checkpoint",
    "in_json",
    "in_npz",
    "in_table",
    "in_toml",
    "sealed",
    "zipped",
]

Mutation = Callable[[random.Random, bytes], bytes]

_DEEP: Final = "@deep@"
_VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**53, 2**63, -(2**63), 10**40, 0.5, -0.0, 1e308, -1e308, 1e-320),
    *(
        float("nan"),
        float("inf"),
        float("-inf"),
        "",
        "x",
        "../../x",
        "\x00",
        "é" * 50,
        "9" * 5000,
        "x" * 200_000,
    ),
    *([], {}, [1], [[1]], {"a": 1}, _DEEP),
)
_CELLS: Final = (
    *(
        "",
        "x",
        "nan",
        "inf",
        "-inf",
        "-1",
        "0",
        "1e308",
        "-1e308",
        "1e999",
        "1" * 400,
        "0x10",
        "1_0",
        '"',
        '"a',
        "\x00",
    ),
    *("y" * 140_000, "é", "pruned", "../../x", "1,2", " 1 ", "9" * 20, "\ufeff", "True", "None"),
)
_KINDS: Final = ("<i4", "<i8", "<u8", "<f4", "<f8", "<f2", "|u1", "|b1", "<U4", ">i8", "<c16", "|O", "<M8[s]")


def in_bytes(rng: random.Random, content: bytes) -> bytes:
    """Bits flipped, parts cut out, doubled or overwritten."""
    first, second = sorted((rng.randrange(len(content) + 1), rng.randrange(len(content) + 1)))
    changed = bytearray(content)
    way = rng.randrange(8)
    if way == 0:
        return content[:first]
    if way == 1:
        return content[:first] + content[second:]
    if way == 2:
        return content[:second] + content[first:]
    if way == 3:
        return content[:first] + rng.randbytes(rng.randrange(1, 40)) + content[first:]
    if way == 4:
        changed[first : first + 8] = rng.choice((bytes(8), b"\xff" * 8, b"\x7f" * 8))
        return bytes(changed)
    if way == 5:
        return rng.choice((b"", b"\x00", b"\n", b"\xef\xbb\xbf" + content, bytes(1000), content * 2))
    for _ in range(rng.choice((1, 1, 1, 8))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _changed(rng: random.Random, document: Any) -> Any:
    """A document with a value exchanged, removed, doubled or put elsewhere."""
    document = copy.deepcopy(document)
    for _ in range(rng.choice((1, 1, 1, 3))):
        positions = list(_positions(document))
        if not positions:
            return rng.choice(_VALUES)
        holder, key = rng.choice(positions)
        way = rng.randrange(6)
        if way == 0:
            del holder[key]
        elif way == 1 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        elif way == 2:
            other, name = rng.choice(positions)
            holder[key] = copy.deepcopy(other[name]) if _holds(other, name) else rng.choice(_VALUES)
        elif way == 3 and isinstance(holder, dict):
            holder[rng.choice(("x", "", key + "s", "__class__"))] = rng.choice(_VALUES)
        else:
            holder[key] = copy.deepcopy(rng.choice(_VALUES))
    return rng.choice(_VALUES) if rng.randrange(30) == 0 else document


def _holds(holder: Any, key: Any) -> bool:
    return key in holder if isinstance(holder, dict) else key < len(holder)


def _positions(document: Any) -> Any:
    """Every container of a document with each of its keys or indices."""
    keys = (
        document if isinstance(document, dict) else range(len(document) if isinstance(document, list) else 0)
    )
    for key in list(keys):
        yield document, key
        yield from _positions(document[key])


def _deepened(rng: random.Random, text: str) -> bytes:
    """The text with its marks replaced by lists in lists."""
    deep = rng.choice((20, 40, 500, 5_000, 100_000))
    return text.replace(f'"{_DEEP}"', "[" * deep + "]" * deep).encode(errors="surrogatepass")


def in_json(rng: random.Random, content: bytes) -> bytes:
    """Values of a JSON document changed, or its bytes."""
    if rng.randrange(5) == 0:
        return in_bytes(rng, content)
    return _deepened(rng, json.dumps(_changed(rng, json.loads(content))))


def in_toml(rng: random.Random, content: bytes) -> bytes:
    """Values of a TOML document changed, or its bytes."""
    way = rng.randrange(10)
    if way < 2:
        return in_bytes(rng, content)
    if way == 2:
        return ".".join(["a"] * rng.choice((30, 300, 3_000))).encode() + b" = 1\n" + content
    document = _changed(rng, tomllib.loads(content.decode()))
    try:
        return _deepened(rng, tomli_w.dumps(document))
    except (TypeError, AttributeError, ValueError):  # TOML has no null, and nothing but a table at its top
        return in_bytes(rng, content)


def in_table(rng: random.Random, content: bytes) -> bytes:
    """Cells, rows and columns of a CSV table changed, or its bytes."""
    if rng.randrange(5) == 0:
        return in_bytes(rng, content)
    rows = list(csv.reader(io.StringIO(content.decode())))
    row = rng.randrange(len(rows))
    column = rng.randrange(len(rows[0]))
    way = rng.randrange(8)
    if way == 0:
        del rows[row]
    elif way == 1:
        rows.insert(row, rows[rng.randrange(len(rows))])
    elif way == 2:
        rows = [[cell for index, cell in enumerate(cells) if index != column] for cells in rows]
    elif way == 3:
        rows = [[*cells, cells[column]] for cells in rows]
    elif way == 4:
        rows[row] = rows[row][: rng.randrange(len(rows[row]))]
    else:
        rows[row][column] = rng.choice(_CELLS)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)))
    if way == 7:
        return "\n".join(",".join(cells) for cells in rows).encode() + b"\n"
    writer.writerows(rows)
    return text.getvalue().encode()


def _npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def archive(members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A zip file with these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as written:
        for name, content in members:
            written.writestr(zipfile.ZipInfo(name), content, compression, 1)
    return buffer.getvalue()


def zipped(arrays: dict[str, NDArray[Any]], compression: int = zipfile.ZIP_STORED) -> bytes:
    """An npz file, of objects too."""
    return archive([(f"{name}.npy", _npy(array)) for name, array in arrays.items()], compression)


def sealed(content: bytes) -> bytes:
    """With the checksum that belongs to it: damage that only a closer look finds."""
    return content + zlib.crc32(content).to_bytes(4, "little")


def _array(rng: random.Random, array: NDArray[Any]) -> NDArray[Any]:
    """An array of another type or shape, or with other values."""
    way = rng.randrange(10)
    if array.dtype.kind == "U":
        return np.array(rng.choice(("", "x" * 500, f"{array}x", 3, ["a", "b"])))
    if way == 0:
        with np.errstate(all="ignore"):
            return array.astype(rng.choice(_KINDS))
    if way == 1:
        shapes = (
            array.reshape(-1),
            array[None],
            array[..., None],
            array.reshape(-1)[:-1],
            array.reshape(-1)[:0],
        )
        return rng.choice((*shapes, np.concatenate([array.reshape(-1)] * 2), np.asarray(array.sum())))
    flat = array.copy().reshape(-1)
    for _ in range(rng.choice((1, 1, 1, 5)) if flat.size else 0):
        index = rng.randrange(flat.size)
        if flat.dtype == np.bool_:
            flat[index] ^= True
        elif flat.dtype.kind in "iu":
            limits = np.iinfo(flat.dtype)
            near = min(max(int(flat[index]) + rng.choice((-2, -1, 1, 2, 100)), limits.min), limits.max)
            flat[index] = rng.choice((near, near, near, 0, limits.max, limits.min, limits.max // 2))
        else:
            flat[index] = rng.choice((np.nan, np.inf, -np.inf, 0.0, -1.0, np.finfo(flat.dtype).max))
    if way == 2:
        flat = flat[::-1].copy()
    return flat.reshape(array.shape)


def in_npz(rng: random.Random, content: bytes) -> bytes:
    """Arrays of an npz file changed, exchanged or missing; headers that lie; its bytes."""
    way = rng.randrange(12)
    if way == 0:
        return in_bytes(rng, content)
    with np.load(io.BytesIO(content)) as stored:
        arrays = {name: stored[name] for name in stored.files}
    name, other = rng.choice(list(arrays)), rng.choice(list(arrays))
    members = [(f"{key}.npy", _npy(array)) for key, array in arrays.items()]
    index = list(arrays).index(name)
    compression = zipfile.ZIP_DEFLATED if rng.randrange(8) == 0 else zipfile.ZIP_STORED
    if way == 1:
        del members[index]
    elif way == 2:
        members[index] = (rng.choice((f"{name}x.npy", name, "../x.npy", ".npy", "é.npy")), members[index][1])
    elif way == 3:
        members[index] = (f"{name}.npy", members[list(arrays).index(other)][1])
    elif way == 4:
        shape = rng.choice(
            (b"(9999999999999,)", b"(-1,)", b"(2, 3)", b"(0, 99999999999999999999)", b"[1]", b"()")
        )
        header = re.sub(rb"'shape': \([^)]*\)", b"'shape': " + shape, members[index][1], count=1)
        members[index] = (f"{name}.npy", header)
    elif way == 5:
        members[index] = (f"{name}.npy", rng.choice((b"", b"text", b"\x93NUMPY\x01\x00", rng.randbytes(300))))
    elif way == 6:
        packed = bytearray(archive(members, compression))
        packed[packed.rindex(b"PK\x01\x02") + rng.choice((8, 10, 16, 20, 24, 42))] ^= 1 << rng.randrange(8)
        return bytes(packed)
    else:
        members[index] = (f"{name}.npy", _npy(_array(rng, arrays[name])))
        if way == 7:
            members.append(("further.npy", _npy(_array(rng, arrays[other]))))
    return archive(members, compression)


def in_checkpoint(rng: random.Random, content: bytes) -> bytes:
    """Arrays of a checkpoint changed under a checksum that fits; now and then its bytes."""
    return in_bytes(rng, content) if rng.randrange(10) == 0 else sealed(in_npz(rng, content[:-4]))


@cache
def bombs(size: int) -> Mapping[str, bytes]:
    """Small files that unpack to so many bytes."""
    zeros = _npy(np.zeros(size, np.bool_))
    lying = zeros.replace(str(size).encode(), str(len(str(size))).encode(), 1)
    return {
        "npz": archive([("a.npy", zeros)], zipfile.ZIP_DEFLATED),
        "npz that lies": archive([("a.npy", lying)], zipfile.ZIP_DEFLATED),
        "gzip": gzip.compress(bytes([0, 0, 8, 3]) + bytes(size), 1),
    }
