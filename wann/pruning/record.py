"""Files and table rows of a network that a round has trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from ..errors import BadInput
from ..files import make_folder, npz_bytes, write_atomically
from ..formats import render, to_document
from ..network import Network
from .compaction import Chain
from .iteration import RoundOutcome
from .mask import Mask
from .networks import to_network
from .quantisation import Quantised
from .settings import PruneConfig
from .sparse import SparseChain, dense_bytes, latency
from .state import State
from .training import Examples, measure

__all__ = ["Record", "SmallForms", "state_bytes"]

_LARGEST_NETWORK: Final = 30_000  # connections of a network that is written as JSON too
_COMPARED: Final = 8  # images on which compact and masked network are compared
_CALIBRATION: Final = 1000  # images that determine the scale of activations


@dataclass(frozen=True)
class SmallForms:
    """The physically small forms of a masked network.

    Attributes:
        masked: layers of the masked network in full size.
        chain: layers of the compact network.
        sparse: these in compressed rows.
        quantised: these in eight bits.
    """

    masked: Chain
    chain: Chain
    sparse: SparseChain
    quantised: Quantised

    @classmethod
    def of(cls, model: nn.Module, mask: Mask, validation: Examples) -> SmallForms:
        """Compact and quantise a network.

        Raises:
            BadInput: see ``Chain.of``.
        """
        masked = Chain.of(model, mask, validation.inputs[:_COMPARED])
        chain = masked.compacted()
        quantised = Quantised.of(chain, validation.inputs[:_CALIBRATION])
        return cls(masked, chain, SparseChain.of(chain), quantised)


@dataclass(frozen=True)
class Record:
    """A trained network in all its forms.

    Attributes:
        model: the masked model, with the weights of early stopping.
        outcome: the network as its round trained it.
        test: the test images.
        small: its small forms; None where the network is no sequence of layers.
    """

    model: nn.Module
    outcome: RoundOutcome
    test: Examples
    small: SmallForms | None

    def write(self, directory: Path, config: PruneConfig) -> None:
        """Write the mask, the weights at early stopping and at the end, and the small forms.

        Raises:
            Unwritable: the disk is full, or the folder cannot be written.
        """
        make_folder(directory)
        write_atomically(directory / "mask.npz", self.outcome.mask.to_bytes())
        write_atomically(directory / "final.npz", state_bytes(self.outcome.trained.final))
        write_atomically(directory / "weights.npz", state_bytes(self.outcome.trained.best))
        if self.small is None:
            return
        network = _network(self.small.chain, config, self.outcome)
        if network is not None:
            write_atomically(directory / "network.json", render(to_document(network)).encode())
        write_atomically(directory / "sparse.npz", self.small.sparse.to_bytes())
        write_atomically(directory / "int8.npz", self.small.quantised.to_bytes())

    def row(self, directory: Path, final_test_accuracy: float) -> dict[str, float | str]:
        """What configuration and seed determine; sizes in bytes are those of the files in ``directory``."""
        outcome, trained, mask, small = self.outcome, self.outcome.trained, self.outcome.mask, self.small
        best, (iterations, last) = dict(trained.history)[trained.best_iteration], trained.history[-1]
        return {
            "round": outcome.round,
            "variant": outcome.variant,
            "weights": mask.kept,
            "total": mask.total,
            "sparsity": mask.sparsity,
            **({} if small is None else _sizes(small.chain, self.test)),
            "iterations": iterations,
            "best_iteration": trained.best_iteration,
            "validation_loss": best.loss,
            "validation_accuracy": best.accuracy,
            "test_accuracy": measure(self.model, self.test).accuracy,
            "final_validation_accuracy": last.accuracy,
            "final_test_accuracy": final_test_accuracy,
            **({} if small is None else _stored(small, self.test, directory)),
            **{f"kept_{name}": kept for name, (kept, _) in mask.layers().items()},
        }

    def times(self) -> dict[str, float | str]:
        """Microseconds per image, for a single image and in a batch of 256."""
        one, many = self.test.inputs[:1], self.test.inputs[:256]
        forms: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {"dense": self.model.eval()}
        if self.small is not None:
            forms |= {"compact": self.small.chain.module(), "csr": self.small.sparse}
        times: dict[str, float | str] = {}
        for name, network in forms.items():
            times[f"{name}_us"] = 1e6 * latency(network, one, 0.05)
            times[f"{name}_us_of_256"] = 1e6 * latency(network, many, 0.05) / len(many)
        return times


def _sizes(chain: Chain, test: Examples) -> dict[str, float | str]:
    return {
        "connections": chain.connections,
        "biases": chain.biases,
        "multiply_adds": _multiply_adds(chain.module(), test.inputs[:1]) if chain.connections else 0,
    }


def _stored(small: SmallForms, test: Examples, directory: Path) -> dict[str, float | str]:
    return {
        "int8_test_accuracy": _accuracy(small.quantised, test),
        "dense_bytes": dense_bytes(small.masked),
        "compact_bytes": dense_bytes(small.chain),
        "csr_bytes": (directory / "sparse.npz").stat().st_size,
        "int8_bytes": (directory / "int8.npz").stat().st_size,
    }


def state_bytes(state: State) -> bytes:
    """The bytes of an npz file with parameters and buffers by name."""
    return npz_bytes({name: tensor.numpy() for name, tensor in state.items()})


def _network(chain: Chain, config: PruneConfig, outcome: RoundOutcome) -> Network | None:
    if chain.connections > _LARGEST_NETWORK:
        return None
    try:
        return to_network(
            chain,
            config.data.name,
            seed=config.seed,
            criterion=config.pruning.criterion,
            round=outcome.round,
            variant=outcome.variant,
        )
    except BadInput:  # a network with convolutions
        return None


def _accuracy(network: Callable[[torch.Tensor], torch.Tensor], examples: Examples) -> float:
    return float((network(examples.inputs).argmax(1) == examples.targets).double().mean())


def _multiply_adds(model: nn.Module, inputs: torch.Tensor) -> int:
    """Number of products with non-zero weights in one forward pass."""
    products: list[int] = []

    def count(module: nn.Module, _: Any, output: torch.Tensor) -> None:
        products.append(int((module.get_parameter("weight") != 0).sum()) * output[0, 0].numel())

    hooks = [
        module.register_forward_hook(count)
        for module in model.modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    ]
    with torch.no_grad():
        model(inputs)
    for hook in hooks:
        hook.remove()
    return sum(products)
