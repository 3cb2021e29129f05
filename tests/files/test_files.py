"""Reading within limits, and writing as a whole or not at all."""

from __future__ import annotations

import gzip
import io
import os
import resource
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from wann.errors import BadInput, Failure
from wann.files import (
    append_text,
    array_of,
    gunzip,
    make_folder,
    npz_bytes,
    read_bytes,
    read_json,
    read_npz,
    read_rows,
    read_table,
    read_toml,
    write_atomically,
)

LARGEST = 10_000


def fifo(path: Path) -> None:
    os.mkfifo(path)


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


def link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (Path.mkdir, "a directory"),
        (fifo, "not a regular file"),
        (link_to_device, "not a regular file"),
        (sparse, "larger than 10,000 bytes"),
        (lambda _: None, "cannot be read (No such file or directory)"),
        (lambda path: path.symlink_to(path), "cannot be read (Too many levels of symbolic links)"),
    ],
)
def test_what_is_no_file_of_limited_size_is_refused_at_once(
    make: Callable[[Path], object], says: str, tmp_path: Path
) -> None:
    make(tmp_path / "x")
    with pytest.raises(BadInput) as refusal:
        read_bytes(tmp_path / "x", LARGEST)
    assert str(refusal.value).startswith(f"{tmp_path / 'x'}: {says}")


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(LARGEST))
    assert read_bytes(tmp_path / "x", LARGEST) == bytes(LARGEST)


def test_a_small_file_takes_little_memory_whatever_would_be_accepted(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello")
    tracemalloc.start()
    assert read_bytes(tmp_path / "x", 2**32) == b"hello"
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
    # Of some files the system says that they are empty.
    assert read_bytes(Path("/proc/self/status"), LARGEST).startswith(b"Name:")


def test_gzip_is_unpacked_up_to_a_size() -> None:
    assert gunzip(Path("x"), b"plain", 5) == b"plain"
    assert gunzip(Path("x"), gzip.compress(b"packed"), 6) == b"packed"
    with pytest.raises(BadInput, match="x: unpacks to more than 5 bytes"):
        gunzip(Path("x"), gzip.compress(b"packed"), 5)
    with pytest.raises(BadInput, match="x: damaged or cut short"):
        gunzip(Path("x"), gzip.compress(b"packed")[:-3], 6)


@pytest.mark.parametrize("deep", [33, 1_000, 100_000])
def test_documents_are_read_up_to_a_depth(deep: int, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("[" * deep + "]" * deep)
    with pytest.raises(BadInput, match=r"x: (nested more than 32 levels deep|not JSON)"):
        read_json(tmp_path / "x", 2**20)
    (tmp_path / "x").write_text("a = " + "[" * deep + "]" * deep)
    with pytest.raises(BadInput, match=r"x: (nested more than 32 levels deep|not TOML)"):
        read_toml(tmp_path / "x")
    for part in ("a", '"="', "'.'", "a \t", '"\\"="'):  # tables within tables, without a bracket
        for text in (".".join([part] * deep) + " = 1", f"[{'.'.join([part] * deep)}]"):
            (tmp_path / "x").write_text(text)
            with pytest.raises(BadInput, match=r"x: nested more than 32 levels deep"):
                read_toml(tmp_path / "x")


def test_documents_are_read_up_to_a_number_of_lists(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"[" + b"{}," * 1_500_000 + b"0]")
    with pytest.raises(BadInput, match="x: more than 1,500,000 lists and objects"):
        read_json(tmp_path / "x", 2**23)


def test_documents_of_an_ordinary_depth_are_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("[" * 32 + "]" * 32)
    read_json(tmp_path / "x", LARGEST)
    numbers = [number + 0.5 for number in range(100)]
    (tmp_path / "x").write_text(f"a.b.c = [[1]]\nnumbers = {numbers}\nwords = '{'. ' * 100}'\n")
    assert read_toml(tmp_path / "x") == {"a": {"b": {"c": [[1]]}}, "numbers": numbers, "words": ". " * 100}


TABLES = {
    "nothing": (b"", "not a table: it is empty"),
    "a long cell": (b"a,b\n1," + b"x" * 140_000 + b"\n", "field larger than field limit"),
    "rows of unequal length": (b"a,b\n1,2\n3\n", "line 3 has 1 cells, the header 2"),
    "a column twice": (b"a,a\n1,2\n", "duplicate column names"),
    "other letters": (b"a,b\n\xff,1\n", "codec can't decode"),
    "a quote without an end": (b'a,b\n"1,2\n', "unexpected end of data"),
    "a word among numbers": (b"a,b\n1,two\n", "could not convert string to float: 'two'"),
    "a missing column": (b"b\n1\n", "'a' is missing"),
}


@pytest.mark.parametrize(("content", "says"), TABLES.values(), ids=TABLES)
def test_what_is_no_table_is_refused(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(BadInput) as refusal:
        read_table(tmp_path / "x.csv", ("a",))
    assert str(refusal.value).startswith(f"{tmp_path / 'x.csv'}: not a table")
    assert says in str(refusal.value)


def test_a_table_has_columns_of_numbers_and_of_words(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('n,word,m\n1,"a, b",inf\n2,c,-1e3\n')
    numbers, words = read_table(tmp_path / "x.csv", ("m",), ("word",))
    assert {name: column.tolist() for name, column in numbers.items()} == {
        "n": [1.0, 2.0],
        "m": [float("inf"), -1000.0],
    }
    assert words == {"word": ["a, b", "c"]}
    assert list(read_rows(tmp_path / "x.csv"))[1] == ["1", "a, b", "inf"]


ARRAYS = {
    "plane": np.arange(12.0).reshape(3, 4),
    "columns first": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "alone": np.array(3, np.int8),
    "flags": np.array([True, False]),
    "empty": np.zeros((0, 5), np.float32),
    "halves": np.ones(3, np.float16),
    "long": np.arange(400_000.0),
}


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_come_back_as_they_were_and_may_be_written_to(compressed: bool, tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(npz_bytes(ARRAYS, compressed=compressed))
    found = read_npz(tmp_path / "x.npz", 2**22, "archive")
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert np.array_equal(found[name], array)
        assert found[name].flags.writeable


def npz(**arrays: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=True, **arrays)
    return buffer.getvalue()


def encrypted(content: bytes) -> bytes:
    changed = bytearray(content)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        changed[content.index(signature) + offset] |= 1
    return bytes(changed)


def text_member() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "hello")
    return buffer.getvalue()


def many_members() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(20_001):
            archive.writestr(f"{number}.npy", b"")
    return buffer.getvalue()


NO_ARCHIVES = {
    "objects": (npz(a=np.array([{}], object)), "'a.npy' does not hold plain numbers"),
    "words": (npz(a=np.array(["x"])), "does not hold plain numbers"),
    "dates": (npz(a=np.array(["2020-01-01"], "M8[s]")), "does not hold plain numbers"),
    "an encrypted array": (encrypted(npz(a=np.arange(3))), "encrypted"),
    "a text": (text_member(), "'a.txt' is not an array"),
    "more arrays than any": (many_members(), "more than 20,000 members"),
    "a flipped bit": (npz(a=np.arange(99)).replace(bytes([7] + [0] * 7), bytes([6] + [0] * 7)), "Bad CRC-32"),
    "no zip": (b"hello", "not a zip file"),
    "nothing": (b"", "not a zip file"),
}


@pytest.mark.parametrize(("content", "says"), NO_ARCHIVES.values(), ids=NO_ARCHIVES)
def test_what_is_no_archive_of_numbers_is_refused(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(BadInput) as refusal:
        read_npz(tmp_path / "x.npz", 2**23, "checkpoint")
    assert str(refusal.value).startswith(f"{tmp_path / 'x.npz'}: ")
    assert says in str(refusal.value)


def test_headers_are_checked_before_anything_is_unpacked(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.npy", "w") as member:
        np.lib.format.write_array_header_1_0(
            member, {"descr": "|u1", "fortran_order": False, "shape": (2**28,)}
        )
        for _ in range(2**8):
            member.write(bytes(2**20))
    (tmp_path / "x.npz").write_bytes(buffer.getvalue())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadInput, match="unpacks to 268,435,584 bytes; at most 134,217,728 are accepted"):
        read_npz(tmp_path / "x.npz", 2**27, "mask")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024


def test_an_array_is_of_the_type_and_shape_that_is_asked_for() -> None:
    arrays = {"a": np.zeros((3, 2), np.int64)}
    assert array_of(arrays, "a", np.int64, (None, 2)) is arrays["a"]
    for name, kind, shape, says in (
        ("b", np.int64, (3, 2), "b is missing"),
        ("a", np.int32, (3, 2), "a is int64 of shape (3, 2); accepted is int32 of shape (3, 2)"),
        ("a", np.int64, (3,), "accepted is int64 of shape (3)"),
        ("a", np.int64, (None, 3), "accepted is int64 of shape (any, 3)"),
    ):
        with pytest.raises(BadInput) as refusal:
            array_of(arrays, name, kind, shape)
        assert says in str(refusal.value)


def test_a_file_is_written_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 255)  # as long as names can be
    write_atomically(target, b"old")
    write_atomically(target, b"new", bytearray(b" and more"))
    assert target.read_bytes() == b"new and more"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("way", ["full", "limit"])
def test_what_cannot_be_written_leaves_the_old_file_and_names_it(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "x"
    write_atomically(target, b"old")
    error = {"full": 28, "limit": 27}[way]

    def refuse(_: int) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(Failure) as failure:
        write_atomically(target, b"new")
    remedy = {"full": "free some space", "limit": "the limit of file sizes is too low, see ulimit -f"}[way]
    assert str(failure.value) == f"{target}: cannot be written ({os.strerror(error)}); {remedy}"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"x": b"old"}


def test_nothing_is_written_over_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("folder", "link"):
        with pytest.raises(BadInput, match=f"{name}: not a regular file; remove it, or name another"):
            write_atomically(tmp_path / name, b"x")
    with pytest.raises(BadInput, match="/dev/null: not a regular file"):
        write_atomically(Path("/dev/null"), b"x")
    with pytest.raises(BadInput, match="there is no folder"):
        write_atomically(tmp_path / "nowhere" / "x", b"x")
    assert not (tmp_path / "elsewhere").exists()


def test_a_table_or_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"/dev/full: cannot be written \(No space left on device\)"):
        append_text(Path("/dev/full"), "row\n")
    (tmp_path / "x").write_text("")
    with pytest.raises(Failure, match=r"x: cannot be written \(File exists\)"):
        make_folder(tmp_path / "x")
    append_text(tmp_path / "x", "one\n")
    append_text(tmp_path / "x", "two\n")
    assert (tmp_path / "x").read_text() == "one\ntwo\n"


def test_a_boolean_is_true_or_false(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.array([2], np.uint8))
    content = buffer.getvalue().replace(b"|u1", b"|b1")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.npy", content)
    (tmp_path / "x.npz").write_bytes(packed.getvalue())
    with pytest.raises(BadInput, match="a boolean that is neither true nor false"):
        read_npz(tmp_path / "x.npz", LARGEST, "mask")
