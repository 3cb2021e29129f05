"""A small residual network for images of 28 x 28 pixels; ``small_resnet:resnet`` names it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_CLASSES = 10


class Block(nn.Module):
    """Two convolutions with batch normalisation, and a shortcut beside them (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, values: Tensor) -> Tensor:
        """Feature maps [images, outputs, rows, columns]."""
        inner = torch.relu(self.norm1(self.conv1(values)))
        return torch.relu(self.norm2(self.conv2(inner)) + self.shortcut(values))


def resnet() -> nn.Sequential:
    """Nine layers that can be pruned, 19,536 weights, 1.7 million multiply-adds."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        nn.Conv2d(1, 16, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        Block(16, 16),
        Block(16, 32, stride=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, _CLASSES),
    )
