"""A file of sparsities, one for each layer, as a policy chose them; a plan of pruning takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ..errors import BadInput
from ..files import write_atomically
from ..settings import Settings, load_settings, render_settings
from .dense import dense_model
from .mask import prunable
from .plan import GradualPlan, NeuronGradualPlan, NeuronOneShotPlan, OneShotPlan
from .schedules import Share
from .settings import PruneConfig

__all__ = ["Rates", "with_rates"]


class Rates(Settings):
    """The sparsities of a network's layers.

    Attributes:
        kind: always ``rates``.
        remove: what they are shares of: ``weights``, or whole ``units`` of all layers but the last.
        rates: sparsities by the layer's name.
    """

    kind: Literal["rates"] = "rates"
    remove: Literal["weights", "units"] = "weights"
    rates: dict[str, Share]

    def save(self, path: Path) -> None:
        """Write TOML.

        Raises:
            BadInput, Unwritable: see ``write_atomically``.
        """
        write_atomically(path, render_settings(self).encode())


def with_rates(config: PruneConfig, path: Path) -> PruneConfig:
    """A configuration whose layers are pruned to the sparsities in a file.

    Args:
        config: of a pruning run that has final sparsities: in one shot, exponentially or cubically.
        path: TOML, as ``Rates.save`` writes it.

    Raises:
        BadInput: the file is none of these, its layers are not all those of the network, or the plan removes
            something else or by another schedule.
    """
    given = load_settings(Rates, path)
    parameters = [name.removesuffix(".weight") for name in prunable(dense_model(config))]
    layers = parameters if given.remove == "weights" else parameters[:-1]
    strangers = [name for name in given.rates if name not in layers]
    missing = [name for name in layers if name not in given.rates]
    if strangers or missing:
        found = f"it names {strangers[0]}" if strangers else f"it does not name {missing[0]}"
        raise BadInput(
            f"the rates of another network: {found}; {given.remove} are removed from {', '.join(layers)}"
        ).within(path)
    units = given.remove == "units"
    accepted = (NeuronOneShotPlan, NeuronGradualPlan) if units else (OneShotPlan, GradualPlan)
    if not isinstance(config.pruning, accepted):
        criterion = "criterion neurons" if units else "a criterion of single weights"
        raise BadInput(
            f"final sparsities of {given.remove}: accepted are {criterion} and schedule one-shot, "
            f"exponential or cubic, found {config.pruning.criterion} and {config.pruning.schedule}"
        ).within(path)
    return config.changed(pruning=config.pruning.changed(rates=given.rates))
