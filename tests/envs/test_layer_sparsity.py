"""AMC as an environment: Gymnasium's contract around any compression, and wann's own by its entry point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray
from wann_envs import LayerSparsityEnv

from wann.errors import BadInput
from wann.pruning import make_compression
from wann.tasks import names_of

ID: Final = "wann_envs:wann/LayerSparsity-v0"
DIGITS: Final[dict[str, Any]] = {
    "model": {"hidden": [20]},
    "data": "digits",
    "training": {"iterations": 40, "measure_every": 20},
    "sparsity": 0.5,
    "images": 100,
}


@dataclass(frozen=True)
class Sum:
    """A judgement."""

    reward: float
    accuracy: float
    weights: int
    flops: int


class Counters:
    """A compression of three layers of ten, of which all together keep at most 12."""

    totals: tuple[int, ...] = (10, 10, 10)

    def state(self, kept: Sequence[int]) -> NDArray[np.float32]:
        return np.full(11, len(kept) / 3, np.float32)

    def kept(self, kept: Sequence[int], sparsity: float) -> int:
        return min(10 - round(10 * sparsity), 12 - sum(kept))

    def judge(self, kept: Sequence[int]) -> Sum:
        return Sum(kept[-1] / 10, 0.5, sum(kept), 2 * sum(kept))

    def rates(self, kept: Sequence[int]) -> dict[str, float]:
        return {f"layer{number}": 1 - count / 10 for number, count in enumerate(kept)}


def around(compression: Any) -> LayerSparsityEnv:
    environment = gymnasium.make(ID, compression=compression).unwrapped
    assert isinstance(environment, LayerSparsityEnv)
    return environment


def test_gymnasium_finds_no_fault() -> None:
    check_env(around(Counters()), skip_render_check=True)


def test_an_episode_has_a_step_for_each_layer_and_one_reward() -> None:
    environment = around(Counters())
    for _ in range(2):
        state, info = environment.reset(seed=1)
        assert (state[0], info) == (0.0, {})
        steps = [environment.step(np.array([action], np.float32)) for action in (0.3, 0.0, 0.9)]
        assert [step[1] for step in steps] == [0.0, 0.0, 0.0]
        assert [step[2] for step in steps] == [False, False, True]
        assert not any(step[3] for step in steps)
        np.testing.assert_allclose([step[0][0] for step in steps], [1 / 3, 2 / 3, 2 / 3], rtol=1e-6)
        rates = steps[-1][4].pop("rates")
        assert steps[-1][4] == {"accuracy": 0.5, "weights": 12, "flops": 24}
        assert rates == pytest.approx({"layer0": 0.3, "layer1": 0.5, "layer2": 1.0})
        with pytest.raises(ResetNeeded):
            environment.step(np.zeros(1, np.float32))


def test_what_is_no_sparsity_is_refused() -> None:
    environment = around(Counters())
    with pytest.raises(ResetNeeded):
        environment.step(np.zeros(1, np.float32))
    environment.reset()
    with pytest.raises(ValueError, match=r"the action has shape \(2,\); it must be \(1,\)"):
        environment.step(np.zeros(2, np.float32))
    with pytest.raises(ValueError, match="model does not go with compression"):
        gymnasium.make(ID, compression=Counters(), model="lenet-5")
    with pytest.raises(ValueError, match="render_mode is 'human'"):
        LayerSparsityEnv(render_mode="human", compression=Counters())


def test_names_are_as_many_as_numbers_and_those_that_tasks_have() -> None:
    environment = around(Counters())
    assert environment.observation_space.shape == (len(environment.observation_names),)
    assert environment.action_space.shape == (len(environment.action_names),)
    known = names_of("wann/LayerSparsity-v0")  # without making one, which may train a network
    assert known == (environment.observation_names, environment.action_names)


def test_keyword_arguments_go_to_wann_s_own_compression(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    environment: Any = gymnasium.make(ID, **DIGITS).unwrapped
    assert environment.compression is make_compression(**DIGITS)  # kept in this process
    check_env(environment, skip_render_check=True)
    environment.reset()
    environment.step(np.array([0.25], np.float32))
    *_, reward, over, _, info = environment.step(np.array([0.0], np.float32))
    assert over
    # Half of 1,280 + 200 weights are left; the output layer keeps 2 % if the layer before it takes all.
    assert info["weights"] == 740
    assert info["rates"] == pytest.approx({"hidden1": 1 - 736 / 1280, "output": 0.98})
    assert reward == info["accuracy"]
    with pytest.raises(BadInput, match="sparsty: unknown key; did you mean sparsity"):
        gymnasium.make(ID, sparsty=0.5)
