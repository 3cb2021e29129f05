"""Messages between the driver and its workers: what is sent arrives, and anything else is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from wann.evaluation.messages import InvalidMessage, pack, unpack

KINDS = st.sampled_from([np.int8, np.int32, np.int64, np.float32, np.float64])
ARRAYS = KINDS.flatmap(
    lambda kind: arrays_of.arrays(
        kind, arrays_of.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5)
    )
)
HEADERS = st.dictionaries(
    st.text(max_size=5), st.integers() | st.text(max_size=9) | st.booleans(), max_size=4
)


@given(header=HEADERS, arrays=st.dictionaries(st.text(max_size=5), ARRAYS, max_size=5))
def test_what_is_packed_arrives(header: dict[str, Any], arrays: dict[str, Any]) -> None:
    found, contents = unpack(pack(header, arrays))
    assert found == header
    assert list(contents) == list(arrays)
    for name, array in arrays.items():
        assert contents[name].dtype == array.dtype
        assert contents[name].shape == array.shape
        assert contents[name].tobytes() == array.tobytes()
        # Kernels are compiled for arrays that may be written to and are aligned.
        assert contents[name].flags.writeable
        assert contents[name].flags.aligned


@given(cut=st.integers(0, 199), arrays=st.dictionaries(st.text(max_size=5), ARRAYS, min_size=1, max_size=3))
def test_a_message_that_was_cut_is_refused(cut: int, arrays: dict[str, Any]) -> None:
    message = pack({"n": 1}, arrays)
    with pytest.raises(InvalidMessage):
        unpack(message[: min(cut, len(message) - 1)])


@given(st.binary(max_size=300))
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidMessage):
        unpack(data)


@given(data=st.data())
def test_an_altered_message_is_refused_or_holds_plain_arrays(data: st.DataObject) -> None:
    message = bytearray(pack({"n": 1}, {"x": np.arange(4), "y": np.ones((2, 3), np.float32)}))
    message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    try:
        _, arrays = unpack(bytes(message))
    except InvalidMessage:
        return
    assert all(array.dtype.kind in "if" for array in arrays.values())


def forged(shapes: Any, data: bytes = b"") -> bytes:
    text = json.dumps([{}, shapes]).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    "shapes",
    [
        [["x", "|O", [1]]],
        [["x", "<U1", [1]]],
        [["x", ">f8", [0]]],
        [["x", "<f8", [-1]]],
        [["x", "<f8", [2**62, 2**62]]],
        [["x", "<f8", 5]],
        [["x", "<f8", ["a"]]],
        [["x", "<f8", [1.5]]],
        [["x"]],
        5,
        None,
    ],
)
def test_hostile_headers_are_refused(shapes: Any) -> None:
    with pytest.raises(InvalidMessage):
        unpack(forged(shapes, bytes(16)))
