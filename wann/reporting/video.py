"""Episodes to look at: a moving picture, or its moments side by side."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any, Final

import gymnasium
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import BadInput, described
from ..files import write_atomically
from ..tasks import ControlTask, Stepper, close_environment, make_environment, undisturbed

__all__ = ["Film", "check_film", "play_film", "write_film"]

Frame = NDArray[np.uint8]

_GIF_FRAMES_PER_SECOND: Final = 25  # what browsers show without stretching
_STRIP: Final = 8
_WIDTH: Final = 480
_PAUSE: Final = 0.8  # seconds on the last frame of an episode


@dataclass(frozen=True)
class Film:
    """The frames of some episodes.

    Attributes:
        episodes: of each its frames uint8[height, width, 3], the start among them.
        frames_per_second: at which it plays in real time.
        returns: sum of the rewards of each episode.
    """

    episodes: Sequence[Sequence[Frame]]
    frames_per_second: float
    returns: Sequence[float]


def play_film(task: ControlTask, policy: Callable[[Any], Any], seeds: Sequence[int]) -> Film:
    """Play episodes of an environment and keep what they look like.

    They are Gymnasium's own, whatever else computes the task's.

    Args:
        task: the environment, and how outputs become actions.
        policy: from observation to raw outputs.
        seeds: of the episodes.

    Raises:
        BadInput: the environment cannot be rendered, or fails.
    """
    played, rate = [], 30.0
    for seed in seeds:
        # One for each episode: not every reset restores all.
        environment = make_environment(
            task.world.spec, render_mode="rgb_array", max_episode_steps=task.episode_limit
        )
        rate = float(environment.metadata.get("render_fps") or rate)
        try:
            with undisturbed():
                played.append(_episode(task, environment, policy, seed))
        finally:
            close_environment(environment, task.id)
    return Film([frames for frames, _ in played], rate, [total for _, total in played])


def _episode(
    task: ControlTask, environment: gymnasium.Env[Any, Any], policy: Callable[[Any], Any], seed: int
) -> tuple[list[Frame], float]:
    stepper, act = Stepper(task.id, task.world.observations), task.world.actions.of_outputs
    observation = stepper.reset(environment, seed)
    frames, total, over = [_frame(environment)], 0.0, False
    while not over:
        action = act(policy(observation)[None, :])[0]
        observation, reward, terminated, truncated = stepper.step(environment, action, seed)
        frames.append(_frame(environment))
        total += reward
        over = terminated or truncated
    return frames, total


def check_film(path: Path) -> None:
    """Refuse before the work what could not be written after it.

    Raises:
        BadInput: an unknown suffix, a folder that is not there, or an extra that is missing.
    """
    if path.suffix not in _WRITERS:
        raise BadInput(f"--video {path}: accepted are {', '.join(_WRITERS)}")
    if not path.parent.is_dir():
        raise BadInput(f"--video {path}: there is no folder {path.parent}")
    if path.suffix == ".mp4" and (find_spec("av") is None or find_spec("imageio") is None):
        raise BadInput(f"--video {path}: mp4 needs an extra: pip install 'wann[video]'")


def write_film(film: Film, path: Path) -> None:
    """Write a film by its suffix: ``.mp4`` and ``.gif`` move, ``.png`` shows moments of the first episode.

    Raises:
        BadInput: see ``check_film``.
        Failure: the file cannot be written.
    """
    check_film(path)
    write_atomically(path, _WRITERS[path.suffix](film))


def _frame(environment: gymnasium.Env[Any, Any]) -> Frame:
    try:
        frame = environment.render()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - anybody's code, without a screen
        what = described(error)
        hint = "; pip install 'wann[video]'" if "pygame" in what else ""
        raise BadInput(f"--video: the environment cannot be rendered ({what}){hint}") from None
    if not isinstance(frame, np.ndarray) or frame.shape[2:] != (3,) or 0 in frame.shape:
        found = f"an array of shape {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
        raise BadInput(f"--video: the environment renders {found}; accepted are frames [height, width, 3]")
    return np.asarray(frame, np.uint8)


def _shrunk(frame: Frame) -> Image.Image:
    picture = Image.fromarray(frame)
    height = round(picture.height * _WIDTH / picture.width / 2) * 2  # video is coded in blocks
    return picture.resize((_WIDTH, height), Image.Resampling.LANCZOS)


def _gif(film: Film) -> bytes:
    step = max(1, round(film.frames_per_second / _GIF_FRAMES_PER_SECOND))
    # One palette for all frames, or colours flicker.
    first = _shrunk(film.episodes[0][0]).quantize(64)
    shown, milliseconds = [], []
    for frames in film.episodes:
        for frame in frames[::step]:
            shown.append(_shrunk(frame).quantize(palette=first, dither=Image.Dither.NONE))
            milliseconds.append(round(1000 * step / film.frames_per_second))
        milliseconds[-1] += round(1000 * _PAUSE)
    buffer = io.BytesIO()
    shown[0].save(
        buffer, "GIF", save_all=True, append_images=shown[1:], duration=milliseconds, loop=0, optimize=True
    )
    return buffer.getvalue()


def _mp4(film: Film) -> bytes:
    import imageio.v3 as imageio  # noqa: PLC0415 - an extra

    rate = round(film.frames_per_second)
    still = round(rate * _PAUSE)
    frames = chain.from_iterable([*frames, *[frames[-1]] * still] for frames in film.episodes)
    pictures = np.stack([np.asarray(_shrunk(frame)) for frame in frames])
    written: bytes = imageio.imwrite(
        "<bytes>", pictures, extension=".mp4", plugin="pyav", codec="libx264", fps=rate
    )
    return written


def _strip(film: Film) -> bytes:
    """Moments of the first episode, closer together at its beginning, where most happens."""
    frames = film.episodes[0]
    places = np.linspace(0, 1, _STRIP) ** 1.6 * (len(frames) - 1)
    pictures = [_shrunk(frames[place]) for place in places.round().astype(int).tolist()]
    columns = _STRIP // 2
    width, height = pictures[0].size
    sheet = Image.new("RGB", (columns * width, 2 * height), "white")
    for index, picture in enumerate(pictures):
        sheet.paste(picture, (index % columns * width, index // columns * height))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


_WRITERS: Final = {".gif": _gif, ".mp4": _mp4, ".png": _strip}
