"""Observations become vectors and outputs actions as a reader would do it, number by number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wann.errors import BadInput
from wann.network import Actions, Observations, Squash

SQUASHES: tuple[Squash | None, ...] = (None, "scale", "clip", "tanh")
FLOATS: tuple[Any, ...] = (np.float16, np.float32, np.float64)
WHOLE: tuple[Any, ...] = (np.int8, np.uint8, np.int16, np.int32)

shapes = st.sampled_from([(), (1,), (2,), (4,), (2, 2), (3, 1, 2)])
outputs = st.floats(width=32, allow_nan=False) | st.sampled_from([-1.0, 0.0, 1.0, math.inf, -math.inf])


@st.composite
def boxes(draw: st.DrawFn) -> spaces.Box:
    """With both bounds, one, or none, in any type."""
    shape, kind = draw(shapes), draw(st.sampled_from([*FLOATS, *WHOLE]))
    whole = kind in WHOLE
    least, most = (int(np.iinfo(kind).min), int(np.iinfo(kind).max)) if whole else (-6e4, 6e4)
    ends = st.integers(int(least), int(most)) if whole else st.floats(least, most, width=16)
    count = math.prod(shape)
    pairs = [sorted(draw(st.tuples(ends, ends))) for _ in range(count)]
    low, high = (np.array([pair[end] for pair in pairs], kind).reshape(shape) for end in (0, 1))
    if not whole and draw(st.booleans()):
        low, high = (
            np.where(
                np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count))).reshape(shape), *ends
            )
            for ends in ((-np.inf, low), (np.inf, high))
        )
    return spaces.Box((low + 0).astype(kind), (high + 0).astype(kind), shape, kind)  # no zero is negative


@st.composite
def multi_discretes(draw: st.DrawFn) -> spaces.MultiDiscrete:
    sizes = np.array(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    start = np.array([draw(st.integers(-3, 3)) for _ in sizes])
    if len(sizes) == 4 and draw(st.booleans()):
        sizes, start = sizes.reshape(2, 2), start.reshape(2, 2)
    return spaces.MultiDiscrete(sizes, start=start)


discretes = st.builds(lambda n, start: spaces.Discrete(n, start=start), st.integers(1, 6), st.integers(-5, 5))
bits = st.sampled_from([spaces.MultiBinary(size) for size in (1, 3, (2,), (2, 2))])
action_spaces: st.SearchStrategy[spaces.Space[Any]] = st.one_of(boxes(), discretes, multi_discretes(), bits)


def first_highest(numbers: list[float]) -> int:
    return numbers.index(max(numbers))


def number(output: float, low: float, high: float, squash: Squash) -> float:
    """An output as a number between two bounds, in plain arithmetic."""
    if squash == "clip":
        return min(max(output, low), high)
    share = math.tanh(output) if squash == "tanh" else min(max(output, -1.0), 1.0)
    return low + (share + 1) * (high - low) / 2


def expected(space: spaces.Space[Any], row: list[float], squash: Squash | None) -> NDArray[Any]:
    """The action that the outputs of one network stand for."""
    if isinstance(space, spaces.Discrete):
        return np.array(first_highest(row) + int(space.start))
    if isinstance(space, spaces.MultiDiscrete):
        chosen, rest = [], list(row)
        for size, start in zip(space.nvec.ravel().tolist(), space.start.ravel().tolist(), strict=True):
            group, rest = rest[:size], rest[size:]
            chosen.append(first_highest(group) + start)
        return np.array(chosen).reshape(space.shape)
    if isinstance(space, spaces.MultiBinary):
        return np.array([output > 0 for output in row]).reshape(space.shape)
    assert isinstance(space, spaces.Box)
    bounded = bool(np.isfinite(space.low).all() and np.isfinite(space.high).all())
    way = squash or ("scale" if bounded else "clip")
    bounds = zip(row, space.low.ravel().tolist(), space.high.ravel().tolist(), strict=True)
    return np.array([number(*of, way) for of in bounds]).reshape(space.shape)


@st.composite
def decisions(draw: st.DrawFn) -> tuple[Actions, NDArray[np.float32]]:
    """A space, a way to act in it if it is a Box, and rows of outputs in which equals are common."""
    space, squash = draw(action_spaces), None
    if isinstance(space, spaces.Box):
        squash = draw(st.sampled_from(SQUASHES if space.is_bounded() else (None, "clip")))
    actions = Actions.of("x", space, squash)
    few = st.sampled_from(draw(st.lists(outputs, min_size=1, max_size=4)))
    rows = draw(
        st.lists(st.lists(few, min_size=actions.outputs, max_size=actions.outputs), min_size=1, max_size=4)
    )
    return actions, np.array(rows, np.float32)


@given(decisions())
def test_every_action_lies_in_the_space_and_is_what_the_outputs_say(
    decision: tuple[Actions, NDArray[np.float32]],
) -> None:
    actions, raw = decision
    space = actions.space
    found = actions.of_outputs(raw)
    assert found.shape == (len(raw), *(space.shape or ()))
    for action, row in zip(found, raw.astype(float).tolist(), strict=True):
        assert space.contains(action if action.ndim else np.asarray(action))
        wanted = expected(space, row, actions.squash)
        if isinstance(space, spaces.Box):
            for one, other in zip(action.ravel().tolist(), wanted.ravel().tolist(), strict=True):
                assert close(one, other, space)
        else:
            np.testing.assert_array_equal(action, wanted)


def close(one: float, other: float, space: spaces.Box) -> bool:
    """Whether two numbers of a Box are one but for rounding."""
    with np.errstate(over="ignore"):
        if one == np.float64(other).astype(space.dtype):
            return True
    bounds = np.concatenate([space.low.ravel(), space.high.ravel()]).astype(float)
    largest = np.abs([1.0, other, *bounds[np.isfinite(bounds)]]).max()
    half = 0.5 if np.issubdtype(space.dtype, np.integer) else 0.0
    return bool(abs(one - other) <= half + (2e-3 if space.dtype == np.float16 else 3e-6) * largest)


@given(decisions())
def test_a_row_does_not_depend_on_the_others(decision: tuple[Actions, NDArray[np.float32]]) -> None:
    actions, raw = decision
    together = actions.of_outputs(raw)
    for row, action in zip(raw, together, strict=True):
        assert actions.of_outputs(row[None])[0].tobytes() == action.tobytes()


@pytest.mark.parametrize(
    ("space", "row", "action"),
    [
        (spaces.Discrete(3), [2.0, 2.0, 1.0], 0),
        (spaces.Discrete(3), [-np.inf, -np.inf, -np.inf], 0),
        (spaces.Discrete(3, start=5), [0.0, np.inf, np.inf], 6),
        (spaces.MultiDiscrete([2, 3]), [0.0, 0.0, 1.0, 3.0, 3.0], [0, 1]),
        (spaces.MultiBinary(3), [0.0, -0.0, 1e-30], [0, 0, 1]),
        (spaces.Box(-2.0, 5.0, (3,)), [-1.0, 0.0, 9.0], [-2.0, 1.5, 5.0]),
        (spaces.Box(-1.0, 1.0, (2,)), [0.25, -0.75], [0.25, -0.75]),
        (spaces.Box(-np.inf, np.inf, (2,)), [2e30, -7.5], [np.float32(2e30), -7.5]),
        (spaces.Box(0.0, np.inf, (2,)), [3.5, -3.5], [3.5, 0.0]),
        (spaces.Box(-128, 127, (3,), np.int8), [-1.0, 1.0, 0.01], [-128, 127, 1]),
        (spaces.Box(0, 9, (2,), np.int32), [0.0, np.inf], [4, 9]),
    ],
)
def test_known_outputs_give_known_actions(space: spaces.Space[Any], row: list[float], action: Any) -> None:
    found = Actions.of("x", space).of_outputs(np.array([row], np.float32))
    np.testing.assert_array_equal(found[0], action)


def test_a_squash_is_what_it_says() -> None:
    space, raw = spaces.Box(-2.0, 5.0, (3,)), np.array([[-3.0, 0.5, 4.0]], np.float32)
    found = {way: Actions.of("x", space, way).of_outputs(raw)[0].tolist() for way in SQUASHES}
    assert found["clip"] == [-2.0, 0.5, 4.0]
    assert found["scale"] == found[None] == [-2.0, 3.25, 5.0]
    assert found["tanh"] == pytest.approx((3.5 * np.tanh(raw[0]) + 1.5).tolist(), rel=1e-6)


@pytest.mark.parametrize("what", [np.nan])
@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_an_output_that_is_none_is_mapped_without_a_warning(what: float, kind: type) -> None:
    # The episode has ended by then, but other lanes are decided in the same breath.
    actions = Actions.of("x", spaces.Box(-3, 3, (2,), kind))
    found = actions.of_outputs(np.array([[what, 1.0], [1.0, -1.0]], np.float32))
    assert found[1].tolist() == [3, -3]


@pytest.mark.parametrize(
    ("space", "squash", "says"),
    [
        (spaces.Dict(push=spaces.Discrete(2)), None, "the actions of x are Dict"),
        (spaces.Tuple([spaces.Discrete(2)]), None, "the actions of x are Tuple"),
        (spaces.Text(5), None, "accepted are Box, Discrete, MultiDiscrete and MultiBinary"),
        (spaces.Discrete(2), "tanh", "task.squash: .* for those of a Box"),
        (spaces.MultiBinary(2), "clip", "task.squash: .* for those of a Box"),
        (spaces.Box(-np.inf, np.inf, (2,)), "scale", 'task.squash: .* no bounds; accepted is "clip"'),
        (spaces.Box(0, np.inf, (2,)), "tanh", 'task.squash: .* no bounds; accepted is "clip"'),
        (spaces.Discrete(10**9), None, "1,000,000,000 numbers; accepted are 1 to 4,096"),
        (spaces.MultiDiscrete([5000, 5000]), None, "10,000 numbers"),
        (spaces.Box(0, 1, (0,)), None, "the actions of x are 0 numbers; accepted are 1 to 4,096"),
    ],
)
def test_other_actions_are_refused(space: spaces.Space[Any], squash: Squash | None, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        Actions.of("x", space, squash)


flat = st.one_of(boxes(), discretes, multi_discretes(), bits)
keys = st.text("abz", min_size=1, max_size=2)
observation_spaces = st.recursive(
    flat,
    lambda parts: (
        st.lists(parts, min_size=1, max_size=3).map(spaces.Tuple)
        | st.dictionaries(keys, parts, min_size=1, max_size=3).map(spaces.Dict)
    ),
    max_leaves=4,
)


def numbers(space: spaces.Space[Any], observation: Any) -> list[float]:
    """An observation as a list of numbers, choices as a one among zeros."""
    if isinstance(space, spaces.Dict):
        return [found for key in sorted(space.spaces) for found in numbers(space[key], observation[key])]
    if isinstance(space, spaces.Tuple):
        parts = zip(space.spaces, observation, strict=True)
        return [found for part, seen in parts for found in numbers(part, seen)]
    if isinstance(space, spaces.Discrete):
        return [float(choice == observation - space.start) for choice in range(int(space.n))]
    if isinstance(space, spaces.MultiDiscrete):
        choices = zip(space.nvec.ravel(), (observation - space.start).ravel(), strict=True)
        return [float(choice == chosen) for size, chosen in choices for choice in range(int(size))]
    return [float(found) for found in np.asarray(observation).ravel()]


@given(observation_spaces, st.integers(0, 2**31))
def test_an_observation_is_flattened_in_its_order(space: spaces.Space[Any], seed: int) -> None:
    if isinstance(space, spaces.Box) and len(space.shape) > 2:
        return
    observations = Observations.of("x", space)
    space.seed(seed)
    observation = space.sample()
    wanted = numbers(space, observation)
    found = np.asarray(observations.flattener()(observation))
    assert found.shape == (observations.size,)
    assert found.astype(float).tolist() == wanted
    assert found.tolist() == np.asarray(spaces.flatten(space, observation)).tolist()
    assert observations.names is None or len(observations.names) == len(set(observations.names)) == len(found)


def test_numbers_are_named_by_the_keys_that_lead_to_them() -> None:
    arm = spaces.Dict({"position": spaces.Box(-1, 1, (2,)), "grip": spaces.Discrete(2)})
    space = spaces.Dict({"right": arm, "left": spaces.Tuple([arm, spaces.Box(0, 1, ())])})
    names = Observations.of("x", space).names
    assert names is not None
    assert ", ".join(names) == (
        "left part 1 grip 1, left part 1 grip 2, left part 1 position 1, left part 1 position 2, "
        "left part 2 1, right grip 1, right grip 2, right position 1, right position 2"
    )
    assert Observations.of("x", spaces.Tuple([spaces.Discrete(2)])).names is None


PLAIN = np.zeros(3, np.float32)
NESTED = spaces.Dict(arm=spaces.Tuple([spaces.Box(0, 1, (3,)), spaces.Discrete(2, start=1)]))


@pytest.mark.parametrize(
    ("space", "observation", "says"),
    [
        (spaces.Box(0, 1, (3,)), np.float32(0.5), r"of shape \(\) and type float32 \(0.5\); .* shape \(3,\)"),
        (spaces.Box(0, 1, (3,)), 0.5, r"an observation 0.5; accepted are numbers of shape \(3,\)"),
        (spaces.Box(0, 1, (3,)), PLAIN[:1], r"of shape \(1,\) and type float32 \(\[0.\]\)"),
        (spaces.Box(0, 1, (3,)), PLAIN[:, None], r"of shape \(3, 1\)"),
        (spaces.Box(0, 1, (3,)), PLAIN.astype(complex), "type complex128"),
        (spaces.Box(0, 1, (3,)), PLAIN.astype(str), "type <U"),
        (spaces.Box(0, 1, (3,)), PLAIN.astype(object), "type object"),
        (spaces.Box(0, 1, (3,)), ["1", "2", "3"], "of 3 parts; accepted are numbers"),
        (spaces.Box(0, 1, (3,)), None, "an observation None"),
        (spaces.Box(0, 1, (3, 1)), PLAIN, r"numbers of shape \(3, 1\)"),
        (spaces.Discrete(3), 3, r"an observation 3; accepted are Discrete\(3\)"),
        (spaces.Discrete(3), -1, "an observation -1"),
        (spaces.Discrete(3), 1.5, "an observation 1.5"),
        (spaces.Discrete(3), np.array([1]), r"of shape \(1,\)"),
        (spaces.MultiDiscrete([2, 3]), np.array([0, 3]), r"accepted are MultiDiscrete"),
        (spaces.MultiBinary(2), np.array([0, 2]), "accepted are MultiBinary"),
        (NESTED, {}, r"an observation with the keys \(none\); accepted are keys 'arm'"),
        (NESTED, {"arm": (PLAIN, 1), "leg": 0}, "with the keys 'arm', 'leg'"),
        (NESTED, {"arm": (PLAIN,)}, r"an observation at \['arm'\] of 1 parts; accepted are 2 parts"),
        (NESTED, {"arm": (PLAIN, 0)}, r"at \['arm'\]\[1\] 0; accepted are Discrete\(2, start=1\)"),
        (NESTED, {"arm": (PLAIN[:2], 1)}, r"at \['arm'\]\[0\] of shape \(2,\)"),
        (NESTED, PLAIN, "accepted are keys 'arm'"),
    ],
)
def test_an_observation_that_the_space_does_not_have_is_refused(
    space: spaces.Space[Any], observation: Any, says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        Observations.of("x", space).flattener()(observation)


@pytest.mark.parametrize("observation", [[1, 2, 3], (1.0, True, 3), np.arange(3), np.full(3, 9.0)])
def test_other_types_of_number_and_numbers_out_of_bounds_are_taken(observation: Any) -> None:
    found = Observations.of("x", spaces.Box(0, 1, (3,))).flattener()(observation)
    assert found.tolist() == list(observation)


@pytest.mark.parametrize(
    ("space", "says"),
    [
        (spaces.Box(0, 255, (8, 8, 3), np.uint8), "are images .* task.encoder is for: .*pixels:8x8"),
        (spaces.Box(0, 255, (100, 100), np.uint8), "10,000 numbers; accepted are 1 to 4,096"),
        (spaces.Tuple([spaces.Box(0, 1, (64, 64, 3))]), "12,288 numbers"),
        (spaces.Discrete(10**9), "1,000,000,000 numbers"),
        (spaces.Dict(near=spaces.Text(5)), "are Dict.* accepted are Box, Discrete"),
        (spaces.Tuple([spaces.Dict(near=spaces.Text(5))]), "are Tuple.* accepted are Box"),
        (spaces.Box(0, 1, (0,)), "0 numbers; accepted are 1 to 4,096"),
        (spaces.Dict(), "0 numbers"),
        (spaces.Sequence(spaces.Discrete(2)), "are Sequence"),
        (spaces.Graph(spaces.Discrete(2), None), "are Graph"),
    ],
)
def test_other_observations_are_refused(space: spaces.Space[Any], says: str) -> None:
    with pytest.raises(BadInput, match=f"task.id: the observations of x {says}|{says}"):
        Observations.of("x", space)
