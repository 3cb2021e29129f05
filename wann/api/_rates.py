"""The verb that lets an evolved policy choose the sparsity of each layer of a dense network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..assessment import TUNED_OVER
from ..errors import BadInput
from ..network import Network
from ..settings import load_settings
from ..tasks import make_environment
from ..trust import Trust, module_named

if TYPE_CHECKING:
    from ..pruning import Compression, Rates

__all__ = ["Chosen", "rates"]

_TASK: Final = "wann/LayerSparsity-v0"


@dataclass(frozen=True)
class Chosen:
    """What a policy chose, and what is left of the network, without further training.

    Attributes:
        rates: the sparsities; ``rates.save(path)`` writes them for ``prune``.
        weight: the shared weight that the policy had; None if it has a weight for each connection.
        accuracy: on the validation images that policies are judged on.
        weights: number of weights left.
        flops: multiply-adds left.
    """

    rates: Rates
    weight: float | None
    accuracy: float
    weights: int
    flops: int


def rates(
    network: Network,
    *,
    weight: float | None = None,
    changes: Sequence[str] = (),
    trust: Sequence[str] = (),
) -> Chosen:
    """Let a policy choose the sparsity of each layer of a dense network.

    Args:
        network: the policy, such as the champion of ``wann.search("amc/lenet-5")``.
        weight: one shared weight; if None, the weights that the network carries, else of 80 values from -2
            to 2 the one that does best on the validation images.
        changes: ``key=value``: another network, budget or seed than the policy was found with; see
            ``CompressionSettings``.
        trust: modules that the policy's file may import, for the network that it was found with.

    Raises:
        BadInput: no policy of this kind, a bad change, a network that cannot be compressed, an untrusted
            module, or PyTorch is not installed.
    """
    from ..pruning import CompressionSettings, Rates, make_compression  # noqa: PLC0415 - PyTorch is an extra

    interface = Network.expected(network).interface
    if network.task != _TASK or interface is None:
        raise BadInput(
            f"a policy for {network.task or 'no task'}; accepted are those for {_TASK}", argument="network"
        )
    given = load_settings(CompressionSettings, interface.kwargs)
    wanted = load_settings(CompressionSettings, interface.kwargs, changes)
    if module_named(given.model.kind) and wanted.model.kind == given.model.kind:
        Trust.of(trust).split(given.model.kind, "interface.kwargs.model")
    document = wanted.model_dump(mode="json", exclude_none=True)
    compression = make_compression(**document)
    candidates = [weight]
    if weight is None and network.weights is None and network.shared_weight is None:
        candidates = [float(value) for value in TUNED_OVER]
    played = [(_played(network, value, compression), value) for value in candidates]
    kept, best = max(played, key=lambda one: compression.judge(one[0]).reward)  # the first: the smaller |w|
    left = compression.judge(kept)
    chosen = Rates(remove=wanted.remove, rates=compression.rates(kept))
    best = network.shared_weight if best is None and network.weights is None else best
    return Chosen(chosen, best, left.accuracy, left.weights, left.flops)


def _played(network: Network, weight: float | None, compression: Compression) -> list[int]:
    """What each layer keeps when the policy has chosen."""
    environment: Any = make_environment(_TASK, compression=compression).unwrapped
    policy = network.policy(weight, environment=environment)
    state, _ = environment.reset()
    over = False
    while not over:
        state, _, over, *_ = environment.step(policy.act(state))
    return list(environment.kept)
