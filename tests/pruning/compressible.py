"""Networks for images of 8 x 8 pixels that policies compress in tests, as anybody may name them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Shortcut", "empty", "idle", "nothing", "pictures", "residual", "whole"]

CLASSES = 10


class Shortcut(nn.Module):
    """A layer beside which its input passes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, values: Tensor) -> Tensor:
        return values + torch.relu(self.conv(values))


def pictures() -> nn.Sequential:
    """Two convolutions, one with a stride, and two dense layers."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 6, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(8, 12),
        nn.Tanh(),
        nn.Linear(12, CLASSES),
    )


def residual() -> nn.Sequential:
    """A residual sum and batch normalisation."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 4, 3, stride=2, bias=False),
        nn.BatchNorm2d(4),
        Shortcut(4),
        Shortcut(4),
        nn.Flatten(),
        nn.Linear(36, CLASSES),
    )


class _Whole(nn.Module):
    """The same in a module of its own, which nobody can look into."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = residual()

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.inner(images)
        return found


def whole() -> nn.Module:
    """No sequence."""
    return _Whole()


class _Idle(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.idle = nn.Linear(3, 3)
        self.leave = nn.Linear(64, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.leave(images)
        return found


def idle() -> nn.Module:
    """With a layer that takes no part."""
    return _Idle()


def empty() -> nn.Module:
    """Without a layer."""
    return nn.Softmax(1)


def nothing() -> None:
    """Not even a network."""
