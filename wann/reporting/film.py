"""An episode to look at: a moving picture, or its moments side by side."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import gymnasium
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import BadInput, Failure
from ..runs import write_atomically

__all__ = ["Film", "play_film", "write_film"]

Frame = NDArray[np.uint8]

_GIF_FRAMES_PER_SECOND: Final = 25  # what browsers show without stretching
_STRIP: Final = 8
_WIDTH: Final = 480


@dataclass(frozen=True)
class Film:
    """The frames of an episode.

    Attributes:
        frames: uint8[height, width, 3] each, the start among them.
        frames_per_second: at which it plays in real time.
        total: sum of the rewards.
    """

    frames: Sequence[Frame]
    frames_per_second: float
    total: float


def play_film(task: str, policy: Callable[[Any], Any], seed: int) -> Film:
    """Play one episode of an environment and keep what it looks like.

    Args:
        task: environment id.
        policy: from observation to raw action.
        seed: of the episode.

    Raises:
        BadInput: the environment cannot be rendered.
    """
    try:
        environment = gymnasium.make(task, render_mode="rgb_array")
    except gymnasium.error.Error as error:
        raise BadInput(f"--video: {task} cannot be rendered ({error})") from None
    try:
        observation, _ = environment.reset(seed=seed)
        frames, total, over = [_frame(environment)], 0.0, False
        while not over:
            observation, reward, terminated, truncated, _ = environment.step(policy(observation))
            frames.append(_frame(environment))
            total += float(reward)
            over = terminated or truncated
        return Film(frames, float(environment.metadata.get("render_fps", 30)), total)
    finally:
        environment.close()


def write_film(film: Film, path: Path) -> None:
    """Write a film by its suffix: ``.gif`` moves, ``.png`` shows moments side by side.

    Raises:
        BadInput: another suffix, or a folder that is not there.
        Failure: the file cannot be written.
    """
    writers = {".gif": _moving, ".png": _strip}
    if path.suffix not in writers:
        raise BadInput(f"--video {path}: accepted are {', '.join(writers)}")
    if not path.parent.is_dir():
        raise BadInput(f"--video {path}: there is no folder {path.parent}")
    try:
        write_atomically(path, writers[path.suffix](film))
    except OSError as error:
        raise Failure(f"{path}: cannot be written ({error.strerror})") from None


def _frame(environment: gymnasium.Env[Any, Any]) -> Frame:
    frame = environment.render()
    if not isinstance(frame, np.ndarray):
        raise BadInput("--video: the environment renders no frames")
    return np.asarray(frame, np.uint8)


def _shrunk(frame: Frame) -> Image.Image:
    picture = Image.fromarray(frame)
    height = round(picture.height * _WIDTH / picture.width)
    return picture.resize((_WIDTH, height), Image.Resampling.LANCZOS)


def _moving(film: Film) -> bytes:
    step = max(1, round(film.frames_per_second / _GIF_FRAMES_PER_SECOND))
    # One palette for all frames, or colours flicker.
    first = _shrunk(film.frames[0]).quantize(64)
    shown = [
        _shrunk(frame).quantize(palette=first, dither=Image.Dither.NONE) for frame in film.frames[::step]
    ]
    buffer = io.BytesIO()
    milliseconds = round(1000 * step / film.frames_per_second)
    shown[0].save(
        buffer, "GIF", save_all=True, append_images=shown[1:], duration=milliseconds, loop=0, optimize=True
    )
    return buffer.getvalue()


def _strip(film: Film) -> bytes:
    """Moments of the episode, closer together at its beginning, where most happens."""
    places = np.linspace(0, 1, _STRIP) ** 1.6 * (len(film.frames) - 1)
    pictures = [_shrunk(film.frames[place]) for place in places.round().astype(int).tolist()]
    columns = _STRIP // 2
    width, height = pictures[0].size
    sheet = Image.new("RGB", (columns * width, 2 * height), "white")
    for index, picture in enumerate(pictures):
        sheet.paste(picture, (index % columns * width, index // columns * height))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
