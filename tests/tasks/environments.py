"""Small environments, each odd in its own way; Gymnasium finds them by what ``here`` says."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any, Final

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

__all__ = ["DEEDS", "LIMIT", "Louder", "Sums", "Turned", "doing", "here", "nothing", "total"]

LIMIT: Final = 12
"""Steps of an episode, unless it says otherwise."""
_VECTOR: Final = spaces.Box(-np.inf, np.inf, (3,))
_TWO: Final = spaces.Box(-1.0, 1.0, (2,))


def here(name: str) -> str:
    """An id by which any process finds one of these environments."""
    return f"{__name__}:tests/{name}-v0"


def doing(deed: str, at: int = 3) -> str:
    """An id of an environment that does one of ``DEEDS`` in this step, 0 for ``reset``."""
    name = "".join(word.capitalize() for word in re.split(r"\W+", deed))
    return here(f"{name}At{at}")


def total(actions: list[Any], seed: int) -> float:
    """The return of ``Sums`` after these actions."""
    return float(sum(step * np.sum(action) + seed % 10 for step, action in enumerate(actions, 1)))


class Sums(gymnasium.Env[Any, Any]):
    """What was done, and when, shows in the return; see ``total``.

    Attributes:
        fails: the step that raises, 0 for ``reset``.
        spoils: the step that gives no number, 0 for ``reset``.
        what: gives it: the observation or the reward.
        value: the number that is none.
        loudest: sum of an action above which the step raises.
        sleeps: whether it sleeps instead.
        ends: the step that terminates.
        rarely: whether it does so only where ``seed % 3 == 1``.
        remembers: whether it counts episodes, and rewards the count.
        visible: whether it can be looked at.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 - as Gymnasium has it

    def __init__(
        self,
        observation_space: spaces.Space[Any] = _VECTOR,
        action_space: spaces.Space[Any] = _TWO,
        *,
        fails: int | None = None,
        spoils: int | None = None,
        what: str = "observation",
        value: float = np.nan,
        loudest: float = np.inf,
        sleeps: bool = False,
        ends: int | None = None,
        rarely: bool = False,
        remembers: bool = False,
        visible: bool = True,
        render_mode: str | None = None,
    ) -> None:
        self.observation_space, self.action_space = observation_space, action_space
        self.render_mode, self._visible = render_mode, visible
        self._fails, self._loudest, self._ends = fails, loudest, ends
        self._sleeps = sleeps
        self._spoils, self._what, self._value = spoils, what, value
        self._rarely, self._remembers, self._episodes = rarely, remembers, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed, options=options)
        assert seed is not None
        self._seed, self._step = seed, 0
        self._episodes += self._remembers
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if not self.action_space.contains(action):
            raise ValueError(f"{action!r} is no action of {self.action_space}")
        self._step += 1
        if np.sum(action) > self._loudest:
            if self._sleeps:
                time.sleep(1000)
            raise OverflowError("too loud")
        reward = float(self._step * np.sum(action) + self._seed % 10 + 100 * self._episodes)
        if self._spoils == self._step and self._what == "reward" and self._misbehaves:
            reward = self._value
        return self._observe(), reward, self._step == self._ends, False, {}

    @property
    def _misbehaves(self) -> bool:
        return not self._rarely or self._seed % 3 == 1

    def _observe(self) -> Any:
        if self._fails == self._step and self._misbehaves:
            raise RuntimeError("the floor is gone\nand the second line with it")
        if isinstance(self.observation_space, spaces.Box) and self.observation_space.dtype == np.float32:
            places = np.arange(self.observation_space.shape[0], dtype=np.float32)
            observation = np.sin(self._seed % 1000 + self._step + places).astype(np.float32)
            if self._spoils == self._step and self._what == "observation" and self._misbehaves:
                observation[-1] = self._value
            return observation
        self.observation_space.seed(1000 * (self._seed % 1000) + self._step)
        return self.observation_space.sample()

    def render(self) -> NDArray[np.uint8]:
        if not self._visible:
            raise RuntimeError("no screen here")
        frame = np.full((24, 48, 3), 255, np.uint8)
        frame[:, 2 * self._step : 2 * self._step + 6] = 0
        return frame


class Scripted(Sums):
    """Does one thing that no environment should do.

    Attributes:
        deed: the name of a function of ``DEEDS``, which is given this environment and its answer.
        at: the step at which it does so, 0 for ``reset``.
    """

    def __init__(self, deed: str, at: int = 3, **named: Any) -> None:
        super().__init__(**named)
        self._deed, self._at = DEEDS[deed], at

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        answer = super().reset(seed=seed, options=options)
        return self._deed(self, answer) if self._at == 0 else answer

    def step(self, action: Any) -> Any:
        answer = super().step(action)
        return self._deed(self, answer) if self._at == self._step else answer


def _raises(error: BaseException) -> Callable[[Any, Any], Any]:
    def deed(environment: Any, answer: Any) -> Any:
        raise error

    return deed


def _gives(place: int, value: Any) -> Callable[[Any, Any], Any]:
    return lambda _, answer: (*answer[:place], value, *answer[place + 1 :])


class Unspeakable(Exception):
    """An error whose message is one too."""

    def __str__(self) -> str:
        raise self


def _says(*_: Any) -> None:
    sys.stdout.write("from Python\n")
    os.write(1, b"from C\n")
    subprocess.run(["echo", "from a program"], check=True)


def _loudly(_: Any, answer: Any) -> Any:
    _says()
    return answer


def _computes() -> None:
    while True:
        pass


DEEDS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    # How it ends.
    "exits": _raises(SystemExit(0)),
    "ends like a generator": _raises(GeneratorExit()),
    "raises what is no Exception": _raises(BaseException("so there")),
    "cannot say why": _raises(Unspeakable()),
    "interrupts itself": _raises(KeyboardInterrupt()),
    "ends the process": lambda *_: os._exit(0),
    "sleeps": lambda *_: time.sleep(1000),
    "computes for ever": lambda *_: _computes(),
    "asks": lambda *_: input(),
    # What it answers.
    "four values": lambda _, answer: answer[:4],
    "an observation alone": lambda _, answer: answer[0],
    "no observation": _gives(0, None),
    "a scalar": _gives(0, 0.5),
    "a longer observation": _gives(0, np.zeros(4, np.float32)),
    "an observation of objects": _gives(0, np.array([None] * 3)),
    "no reward": _gives(1, None),
    "a reward of text": _gives(1, "1.5"),
    "a complex reward": _gives(1, 1j),
    "two rewards": _gives(1, np.ones(2)),
    "a reward of 1e308": _gives(1, 1e308),
    "an end of text": _gives(2, "False"),
    "no end": _gives(2, None),
    "an end that is half": _gives(3, 0.5),
    # What may be.
    "a reward in an array": lambda _, answer: (answer[0], np.array([answer[1]]), *answer[2:]),
    "an end as a number": lambda _, answer: (*answer[:2], int(answer[2]), np.bool_(answer[3]), answer[4]),
    "no info": lambda _, answer: (*answer[:-1], None),
    "prints": _loudly,
}


class Scattered(Sums):
    """Its random numbers do not come from the seed."""

    def _observe(self) -> Any:
        return np.random.default_rng().random(3, np.float32)


class Restless(Sums):
    """Goes elsewhere, wants no Ctrl-C and no warnings, and writes each observation where the last one was."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        os.chdir("/")
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        warnings.simplefilter("error")
        self._buffer = np.zeros(3, np.float32)

    def _observe(self) -> Any:
        self._buffer[:] = super()._observe()
        return self._buffer


class Unclosable(Sums):
    def close(self) -> None:
        sys.exit("it stays open")


class Spaceless(Sums):
    @property
    def observation_space(self) -> Any:
        return sys.exit("no space")

    @observation_space.setter
    def observation_space(self, space: Any) -> None:
        """Forget it."""


class Louder(gymnasium.RewardWrapper[Any, Any]):
    """Rewards are a thousand times as large."""

    def reward(self, reward: Any) -> float:
        return 1000 * float(reward)


class Turned(gymnasium.ActionWrapper[Any, Any, Any]):
    """Actions are those of the opposite sign."""

    def action(self, action: Any) -> Any:
        return -action


def nothing(environment: Any) -> None:
    """Wrap it in nothing at all."""


class Spot(gymnasium.Env[Any, Any]):
    """A bright spot in the dark, left or right; who points there is rewarded.

    Attributes:
        form: what is observed: the image as bytes or numbers up to 1, a Dict with it, or a text alone.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 - as Gymnasium has it
    action_space = spaces.Box(-1.0, 1.0, (1,))

    def __init__(self, form: str = "bytes", render_mode: str | None = None) -> None:
        self.render_mode, self._form = render_mode, form
        image = spaces.Box(0, 255, (12, 12, 3), np.uint8)
        observed: dict[str, spaces.Space[Any]] = {
            "bytes": image,
            "numbers": spaces.Box(0.0, 1.0, (12, 12, 3)),
            "parts": spaces.Dict(count=spaces.Discrete(3), image=image, mission=spaces.Text(20)),
            "text": spaces.Dict(mission=spaces.Text(20)),
        }
        self.observation_space = observed[form]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed, options=options)
        self._steps = 0
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._steps += 1
        reward = float(action[0]) * (1 if self._column >= 6 else -1)
        return self._observe(), reward, False, False, {}

    def _observe(self) -> Any:
        row, self._column = self.np_random.integers(0, 12, 2).tolist()
        self._image = np.zeros((12, 12, 3), np.uint8)
        self._image[row, self._column] = 255
        if self._form == "numbers":
            return (self._image / 255).astype(np.float32)
        parts = {"count": self._steps % 3, "image": self._image, "mission": "point there"}
        return {"bytes": self._image, "parts": parts, "text": {"mission": "point there"}}[self._form]

    def render(self) -> NDArray[np.uint8]:
        return np.repeat(np.repeat(self._image, 4, axis=0), 4, axis=1)


class Exits(Sums):
    def __init__(self, **named: Any) -> None:
        sys.exit(0)


def _register(limit: int | None = LIMIT, /, **named: dict[str, Any]) -> None:
    for name, given in named.items():
        gymnasium.register(f"tests/{name}-v0", f"{__name__}:Sums", max_episode_steps=limit, kwargs=given)


_register(
    Sums={},
    Remembers={"remembers": True},
    Ends={"ends": 5},
    # What goes wrong.
    ResetFails={"fails": 0},
    FirstStepFails={"fails": 1},
    TenthStepFails={"fails": 10},
    LoudFails={"action_space": spaces.Box(-np.inf, np.inf, (2,)), "loudest": 4.0},
    LoudHangs={"action_space": spaces.Box(-np.inf, np.inf, (2,)), "loudest": 4.0, "sleeps": True},
    FirstObservationIsNone={"spoils": 0},
    FirstRewardIsNone={"spoils": 1, "what": "reward", "value": np.inf},
    FifthObservationIsNan={"spoils": 5},
    FifthObservationIsInfinite={"spoils": 5, "value": -np.inf},
    FifthRewardIsNan={"spoils": 5, "what": "reward"},
    FifthRewardIsInfinite={"spoils": 5, "what": "reward", "value": np.inf},
    ResetFailsRarely={"fails": 0, "rarely": True},
    FourthStepFailsRarely={"fails": 4, "rarely": True},
    FifthObservationIsNanRarely={"spoils": 5, "rarely": True},
    FifthRewardIsNanRarely={"spoils": 5, "what": "reward", "rarely": True},
    Invisible={"visible": False},
    # What it observes.
    Image={"observation_space": spaces.Box(0, 255, (64, 64, 3), np.uint8)},
    LongVector={"observation_space": spaces.Box(-1, 1, (5000,))},
    Dict={"observation_space": spaces.Dict(near=_VECTOR, bits=spaces.Tuple([spaces.MultiBinary(2)]))},
    Empty={"observation_space": spaces.Box(0, 1, (0,))},
    Text={"observation_space": spaces.Dict(said=spaces.Text(5))},
    Discrete={"observation_space": spaces.Discrete(7)},
    MultiDiscrete={"observation_space": spaces.MultiDiscrete([3, 4])},
    MultiBinary={"observation_space": spaces.MultiBinary(5)},
    Tuple={"observation_space": spaces.Tuple([spaces.Discrete(3), spaces.Box(0, 1, (2, 2), np.float64)])},
    DictInTuple={"observation_space": spaces.Tuple([spaces.Dict(near=_VECTOR)])},
    Bytes={"observation_space": spaces.Box(0, 255, (4,), np.uint8)},
    # How it is acted upon.
    FromMinus2To5={"action_space": spaces.Box(-2.0, 5.0, (2,))},
    Unbounded={"action_space": spaces.Box(-np.inf, np.inf, (2,))},
    HalfBounded={
        "action_space": spaces.Box(np.array([0, -np.inf], np.float32), np.array([np.inf, 1], np.float32))
    },
    Whole={"action_space": spaces.Box(-100, 120, (2,), np.int8)},
    Square={"action_space": spaces.Box(-2.0, 5.0, (2, 2))},
    FromThree={"action_space": spaces.Discrete(4, start=3)},
    Several={"action_space": spaces.MultiDiscrete([2, 3])},
    Bits={"action_space": spaces.MultiBinary(3)},
    DictAction={"action_space": spaces.Dict(push=_TWO)},
)
for deed in DEEDS:
    for at in (0, 1, 3):
        gymnasium.register(
            doing(deed, at).partition(":")[2],
            f"{__name__}:Scripted",
            max_episode_steps=LIMIT,
            kwargs={"deed": deed, "at": at},
        )
for form in ("bytes", "numbers", "parts", "text"):
    name = "tests/Spot-v0" if form == "bytes" else f"tests/Spot{form.capitalize()}-v0"
    gymnasium.register(name, f"{__name__}:Spot", max_episode_steps=LIMIT, kwargs={"form": form})
for kind in (Scattered, Restless, Unclosable, Spaceless, Exits):
    gymnasium.register(f"tests/{kind.__name__}-v0", f"{__name__}:{kind.__name__}", max_episode_steps=LIMIT)
gymnasium.register("tests/CannotBeMade-v0", f"{__name__}:NoSuchSimulator")
_register(None, Endless={}, EndsByItself={"ends": 5})
