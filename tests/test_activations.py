"""Every copy of the table of activation functions computes what the table says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wann.activations import ACTIVATIONS, Activation
from wann.benchmark import published
from wann.kernels.compiler import kernel
from wann.kernels.forward import activate
from wann.training import gradient

SAMPLES = np.concatenate([np.linspace(-4, 4, 161), [-1e-6, 1e-6, 20.0, -20.0]])


@kernel
def activated(kind, inputs, outputs):  # type: ignore[no-untyped-def]
    for index in range(inputs.shape[0]):
        outputs[index] = activate(kind, inputs[index])


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda activation: activation.name)
def test_every_copy_of_an_activation_agrees_with_the_table(activation: Activation) -> None:
    expected = activation.reference(SAMPLES)
    inputs, outputs = SAMPLES.astype(np.float32), np.empty(len(SAMPLES), np.float32)
    activated(activation.id, inputs, outputs)
    assert outputs == pytest.approx(activation.reference(inputs.astype(np.float64)), abs=2e-6, rel=2e-6)
    assert published._ACTIVATIONS[activation.id](SAMPLES) == pytest.approx(expected, abs=1e-12)
    trained = gradient._activate(activation.id, torch.from_numpy(SAMPLES)).numpy()
    assert trained == pytest.approx(expected, abs=1e-12)


def test_the_copies_hold_the_same_activations() -> None:
    assert set(published._ACTIVATIONS) == {activation.id for activation in ACTIVATIONS}
