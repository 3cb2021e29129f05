"""A variational autoencoder of frames (Kingma & Welling 2014), as in Ha & Schmidhuber 2018, by PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ...encoding import ConvolutionalEncoder, Layer, image_shape
from ...errors import BadInput
from ...streams import Stream, generator
from ..control import ControlTask
from .frames import image_of
from .settings import SIDE, EncoderSettings

if TYPE_CHECKING:
    import torch

__all__ = ["Trained", "train_autoencoder"]

_KERNEL: Final = 4
_STRIDE: Final = 2
_LAST: Final = 2  # edge of what the convolutions leave of 64 pixels
_DECODER_KERNELS: Final = (5, 5, 6, 6)  # from one position to 5, 13, 30 and 64
_SHOWN: Final = 8  # frames whose reconstructions are returned


@dataclass(frozen=True)
class Trained:
    """A trained encoder, and what it has kept of some frames.

    Attributes:
        encoder: its means are what networks read.
        originals: uint8[frames, side, side, channels], some frames that it was not trained on.
        reconstructions: of the same shape, what the decoder makes of their latents.
        error: root mean square difference of the two, in [0, 1], over all frames not trained on.
    """

    encoder: ConvolutionalEncoder
    originals: NDArray[np.uint8]
    reconstructions: NDArray[np.uint8]
    error: float


def train_autoencoder(
    frames: NDArray[np.uint8],
    task: ControlTask,
    settings: EncoderSettings,
    seed: int,
    show: Callable[[int, int, float], None] = lambda *_: None,
) -> Trained:
    """Learn to encode frames: squared error of the reconstructions, divergence from a standard normal prior.

    Equal seeds give equal weights with the same PyTorch on the same processor and threads.

    Args:
        frames: uint8[frames, side, side, channels]; the last twentieth tells how good it is.
        task: whose frames they are.
        settings: architecture and length.
        seed: of weights, order and noise.
        show: called after each step with its number, the number of steps and the loss.

    Raises:
        BadInput: PyTorch is not installed.
    """
    try:
        import torch  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise BadInput("training an encoder needs PyTorch: pip install 'wann[torch]'") from None
    rng = generator(seed, Stream.ENCODER_TRAINING)
    model = _Autoencoder(torch, frames.shape[3], settings, rng)
    optimizer = torch.optim.Adam(model.parameters, settings.rate)
    held = max(_SHOWN, len(frames) // 20)
    training, test = frames[:-held], frames[-held:]
    steps = settings.epochs * -(-len(training) // settings.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    step = 0
    for _ in range(settings.epochs):
        order = rng.permutation(len(training))
        for begin in range(0, len(order), settings.batch):
            batch = model.batch(training[order[begin : begin + settings.batch]])
            optimizer.zero_grad()
            loss = model.loss(batch, rng)
            loss.backward()
            optimizer.step()
            schedule.step()
            step += 1
            show(step, steps, float(loss.detach()))
    encoder = ConvolutionalEncoder(task.id, image_shape(image_of(task)[1]), SIDE, model.layers())
    rebuilt, error = model.rebuilt(test)
    spread = np.linspace(0, len(test) - 1, _SHOWN).astype(int)
    return Trained(encoder, test[spread], rebuilt[spread], error)


class _Autoencoder:
    """Convolutions, and the transposed ones that undo them; tensors are channels first.

    Args:
        torch: the library.
        channels: of the frames.
        settings: architecture.
        rng: the source of the first weights.
    """

    def __init__(
        self, torch: Any, channels: int, settings: EncoderSettings, rng: np.random.Generator
    ) -> None:
        self._torch, self._functional = torch, torch.nn.functional
        self._settings = settings
        widths = (channels, *settings.channels)
        self._encoder = [
            self._layer(rng, (after, before, _KERNEL, _KERNEL), after) for before, after in pairwise(widths)
        ]
        self._means, self._logs = (
            self._layer(rng, (settings.latents, widths[-1], _LAST, _LAST), settings.latents) for _ in range(2)
        )
        wide = 4 * widths[-1]
        self._first = self._layer(rng, (wide, settings.latents), wide)
        back = (wide, *reversed(settings.channels[:-1]), channels)
        self._decoder = [
            self._layer(rng, (before, after, kernel, kernel), after, fan=before * kernel**2 / _STRIDE**2)
            for before, after, kernel in zip(back, back[1:], _DECODER_KERNELS, strict=False)
        ]
        layers = [*self._encoder, self._means, self._logs, self._first, *self._decoder]
        self.parameters = [tensor for layer in layers for tensor in layer]

    def _layer(
        self, rng: np.random.Generator, shape: Sequence[int], outputs: int, fan: float | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Weights of He et al. (2015), and biases of zero."""
        std = np.sqrt(2 / (fan or np.prod(shape[1:])))
        weights = self._torch.from_numpy((std * rng.normal(size=shape)).astype(np.float32))
        return weights.requires_grad_(), self._torch.zeros(outputs, requires_grad=True)

    def batch(self, frames: NDArray[np.uint8]) -> torch.Tensor:
        """Frames as float32[frames, channels, side, side] in [0, 1]."""
        first: torch.Tensor = self._torch.from_numpy(np.moveaxis(frames, -1, 1).astype(np.float32))
        return first / 255

    def _encoded(self, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Means and logarithms of the variances, float32[frames, latents] each."""
        seen = batch
        for weights, biases in self._encoder:
            seen = self._functional.conv2d(seen, weights, biases, _STRIDE).relu()
        means, logs = (
            self._functional.conv2d(seen, *layer).flatten(1) for layer in (self._means, self._logs)
        )
        return means, logs.clamp(-20, 20)

    def _decoded(self, latents: torch.Tensor) -> torch.Tensor:
        """Frames in [0, 1] of latents float32[frames, latents]."""
        seen = self._functional.linear(latents, *self._first)[:, :, None, None]
        for number, (weights, biases) in enumerate(self._decoder):
            seen = self._functional.conv_transpose2d(
                seen.relu() if number else seen, weights, biases, _STRIDE
            )
        frames: torch.Tensor = seen.sigmoid()
        return frames

    def loss(self, batch: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """Squared error and divergence of a frame, in the mean of a batch."""
        means, logs = self._encoded(batch)
        noise = self._torch.from_numpy(rng.normal(size=tuple(means.shape)).astype(np.float32))
        rebuilt = self._decoded(means + noise * (logs / 2).exp())
        error = ((rebuilt - batch) ** 2).sum(dim=(1, 2, 3))
        divergence = -0.5 * (1 + logs - means**2 - logs.exp()).sum(dim=1)
        free = self._settings.tolerance * self._settings.latents
        loss: torch.Tensor = (error + divergence.clamp(min=free)).mean()
        return loss

    def rebuilt(self, frames: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
        """What becomes of frames, and the root mean square difference."""
        found = []
        with self._torch.no_grad():
            for begin in range(0, len(frames), self._settings.batch):
                batch = self.batch(frames[begin : begin + self._settings.batch])
                found.append(self._decoded(self._encoded(batch)[0]).numpy())
        decoded = np.moveaxis(np.concatenate(found), 1, -1)
        error = float(np.sqrt(np.mean((decoded - frames / 255.0) ** 2)))
        return np.rint(decoded * 255).astype(np.uint8), error

    def layers(self) -> tuple[Layer, ...]:
        """The encoder's layers, the means last, as ``ConvolutionalEncoder`` takes them."""
        strides = [*[_STRIDE] * len(self._encoder), 1]
        return tuple(
            Layer(
                np.ascontiguousarray(weights.detach().numpy().transpose(2, 3, 1, 0)),
                biases.detach().numpy().copy(),
                stride,
            )
            for (weights, biases), stride in zip([*self._encoder, self._means], strides, strict=True)
        )
