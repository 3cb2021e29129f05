"""Plans of pruning: which weights are removed, when, and how the remaining ones are trained.

Each schedule has a type of its own with the settings that it uses, and so has the removal of whole units.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from ..settings import Settings
from .criteria import CRITERIA
from .schedules import Gradual, InRounds, Iterative, Levels, OneShot, Share
from .training import TrainingSettings

__all__ = [
    "CONTROLS",
    "NEURONS",
    "AnyPruningPlan",
    "GradualPlan",
    "IterativePlan",
    "LevelsPlan",
    "NeuronGradualPlan",
    "NeuronIterativePlan",
    "NeuronOneShotPlan",
    "NeuronPlan",
    "OneShotPlan",
    "PruningPlan",
    "RatedPlan",
    "RetrainSettings",
    "ThresholdPlan",
    "WeightPlan",
    "without_former_defaults",
]

CONTROLS: Final = ("reinitialised", "shuffled", "random")
"""The same mask with other weights; the mask shuffled within each layer; a mask drawn over all weights."""
NEURONS: Final = "neurons"
"""The criterion that removes whole units; see ``without_neurons``."""

_Threshold = Annotated[float, Field(ge=0.0, le=100.0)]


class RetrainSettings(Settings):
    """How the remaining weights are trained on where nothing is rewound.

    Attributes:
        iterations: number of iterations; as in training if not given.
        rate: factor on the learning rate.
        drops: iterations at which the learning rate drops, by the factor of the training settings.
    """

    iterations: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    rate: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    drops: tuple[Annotated[int, Field(ge=1)], ...] = ()


class PruningPlan(Settings):
    """The settings of every plan.

    Attributes:
        criterion: how weights are scored.
        at: whether ``trained`` or ``initial`` weights are scored; if not given, those that the criterion was
            published for.
        rewind: where training starts from after pruning: ``none`` trains on at a lower rate, ``initial``
            restores the initial weights, ``step`` those of iteration ``step`` with the optimizer's state,
            ``rate`` rewinds the learning rate alone.
        step: the iteration to rewind to, of ``step``.
        retrain: how training goes on, of ``none``.
        controls: networks trained beside the pruned one: the same mask with other weights, the mask shuffled
            within each layer, a mask drawn over all weights; meant for ``initial`` and ``step``, since
            trained weights are zero where another mask would keep them.
        control_rounds: rounds with controls; all if not given.
    """

    criterion: str
    at: Literal["trained", "initial"] | None = None
    rewind: Literal["none", "initial", "step", "rate"] = "initial"
    step: Annotated[int, Field(ge=0)] = 0
    retrain: RetrainSettings = RetrainSettings()
    controls: tuple[Literal["reinitialised", "shuffled", "random"], ...] = ()
    control_rounds: tuple[Annotated[int, Field(ge=1)], ...] = ()

    @model_validator(mode="after")
    def _rewinds(self) -> PruningPlan:
        if self.step and self.rewind != "step":
            raise ValueError(f"step: only rewind = 'step' goes back to an iteration, not {self.rewind!r}")
        if self.retrain != RetrainSettings() and self.rewind != "none":
            raise ValueError(f"retrain: only rewind = 'none' trains on, not {self.rewind!r}")
        return self

    @property
    @abstractmethod
    def count(self) -> int:
        """Rounds of pruning, without round 0, the training of the dense network."""

    def variants(self, number: int) -> tuple[str, ...]:
        """The networks trained in a round, in this order; round 0 trains the dense network."""
        if number == 0:
            return ("dense",)
        controlled = not self.control_rounds or number in self.control_rounds
        return ("pruned", *(self.controls if controlled else ()))

    @property
    def before_training(self) -> bool:
        """Whether initial weights are scored."""
        if self.at is None:
            return self.criterion in CRITERIA and not CRITERIA[self.criterion].trained
        return self.at == "initial"

    @property
    def from_dense(self) -> bool:
        """Whether each round prunes the dense network anew, instead of what the last round left."""
        return self.before_training

    @property
    def rewind_step(self) -> int | None:
        """The iteration to rewind to; None where weights are not rewound to one."""
        return self.step if self.rewind == "step" else None

    def trained_by(self, training: TrainingSettings, number: int) -> TrainingSettings:
        """How the networks of a round are trained, given how the dense network is."""
        if number == 0 or self.rewind != "none" or self.before_training:
            return training
        return training.changed(
            rate=training.rate * self.retrain.rate,
            iterations=self.retrain.iterations or training.iterations,
            drops=self.retrain.drops,
            warmup=0,
        )


class _Rated(Settings):
    """Layers may have rates (or sparsities) of their own.

    Attributes:
        rates: rates (or sparsities) of layers that have one of their own, by the layer's name.
    """

    rates: dict[str, Share] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _compared_within_layers(self) -> _Rated:
        if getattr(self, "scope", None) == "global" and self.rates:
            raise ValueError("rates: scope 'global' compares all layers with each other; use scope 'layer'")
        return self

    @abstractmethod
    def density(self, done: int, own: float | None = None) -> float:
        """Share kept after ``done`` rounds; ``own`` is the rate of a layer with one of its own."""

    def own_densities(self, done: int) -> dict[str, float]:
        """Densities after ``done`` rounds of the layers with a rate of their own, by the layer's name."""
        return {layer: self.density(done, rate) for layer, rate in self.rates.items()}


class NeuronPlan(_Rated, PruningPlan):
    """Whole units are removed.

    Attributes:
        criterion: always ``neurons``: whole units are removed, by the norm of their weights.
        scope: the units whose norms are compared: those of each layer, or all.
    """

    criterion: Literal["neurons"] = "neurons"
    scope: Literal["layer", "global"] = "layer"


class NeuronIterativePlan(Iterative, NeuronPlan):
    """Each round removes the share ``rate`` of the remaining units."""


class NeuronOneShotPlan(OneShot, NeuronPlan):
    """A single round removes the share ``sparsity`` of the units."""


class NeuronGradualPlan(Gradual, NeuronPlan):
    """``rounds`` rounds approach ``sparsity``, exponentially or along a cubic."""


class _Scored(PruningPlan):
    """Single weights are removed by their scores.

    Attributes:
        criterion: how weights are scored.
        examples: number of training examples that a criterion uses, equally many of each class; all if not
            given.
        collapse: whether a layer may lose all its weights.
    """

    criterion: Annotated[str, Field(json_schema_extra={"enum": [*CRITERIA]})] = "magnitude"
    examples: Annotated[int, Field(ge=1)] | None = None
    collapse: bool = False

    @field_validator("criterion")
    @classmethod
    def _known_criterion(cls, name: str) -> str:
        if name not in CRITERIA:
            raise ValueError(f"{name!r}; accepted are {', '.join((*CRITERIA, NEURONS))}")
        return name


class WeightPlan(_Scored):
    """Single weights are removed, as many as the schedule says.

    Attributes:
        scope: the weights whose scores are compared: all (``global``), those of each layer, or those
            of each layer at densities that favour small layers (``erk``, Evci et al. 2020).
        passes: rounds of scoring and removal within a round; the criterion's own number if not given.
    """

    scope: Literal["global", "layer", "erk"] = "layer"
    passes: Annotated[int, Field(ge=1, le=100_000)] | None = None

    @abstractmethod
    def density(self, done: int) -> float:
        """Share of the dense network's weights that is kept after ``done`` rounds."""

    def own_densities(self, done: int) -> dict[str, float]:
        """Densities after ``done`` rounds of the layers with a rate of their own, by the layer's name."""
        del done
        return {}


class RatedPlan(_Rated, WeightPlan):
    """Single weights are removed, in some layers at rates (or to sparsities) of their own."""


class IterativePlan(Iterative, RatedPlan):
    """Each round removes the share ``rate`` of the remaining weights."""


class OneShotPlan(OneShot, RatedPlan):
    """A single round removes the share ``sparsity`` of the weights."""


class GradualPlan(Gradual, RatedPlan):
    """``rounds`` rounds approach ``sparsity``, exponentially or along a cubic."""


class LevelsPlan(Levels, WeightPlan):
    """Each round prunes the dense network anew, to one of ``levels``: sparsities in any order."""

    @property
    def from_dense(self) -> bool:
        """Always."""
        return True


class ThresholdPlan(InRounds, _Scored):
    """Each round removes weights below ``threshold`` standard deviations of their layer (Han et al. 2015).

    Attributes:
        criterion: always ``deviation``.
        schedule: always ``threshold``.
        threshold: the number of standard deviations below which a weight is removed.
        rates: thresholds of layers that have one of their own, by the layer's name.
    """

    criterion: Literal["deviation"] = "deviation"
    schedule: Literal["threshold"] = "threshold"
    threshold: _Threshold = 1.0
    rates: dict[str, _Threshold] = Field(default_factory=dict)


def _tag(plan: Any) -> str:
    given = plan if isinstance(plan, Mapping) else vars(plan)
    schedule = str(given.get("schedule", "iterative"))
    schedule = "exponential or cubic" if schedule in ("exponential", "cubic") else schedule
    return f"{'neurons, ' if given.get('criterion') == NEURONS else ''}schedule {schedule}"


AnyPruningPlan = Annotated[
    Annotated[IterativePlan, Tag("schedule iterative")]
    | Annotated[OneShotPlan, Tag("schedule one-shot")]
    | Annotated[GradualPlan, Tag("schedule exponential or cubic")]
    | Annotated[ThresholdPlan, Tag("schedule threshold")]
    | Annotated[LevelsPlan, Tag("schedule levels")]
    | Annotated[NeuronIterativePlan, Tag("neurons, schedule iterative")]
    | Annotated[NeuronOneShotPlan, Tag("neurons, schedule one-shot")]
    | Annotated[NeuronGradualPlan, Tag("neurons, schedule exponential or cubic")],
    Discriminator(
        _tag,
        custom_error_type="pruning_plan",
        custom_error_message="accepted schedules are iterative, one-shot, exponential and cubic, except for "
        "criterion neurons also levels and threshold",
    ),
]
"""A plan of any type; ``criterion`` and ``schedule`` decide which."""
_FORMER_DEFAULTS: Final[Mapping[str, Any]] = {
    "rate": 0.2,
    "rounds": 10,
    "sparsity": 0.9,
    "threshold": 1.0,
    "levels": [],
    "rates": {},
    "scope": "layer",
    "collapse": False,
}


def without_former_defaults(plan: Mapping[str, Any]) -> Mapping[str, Any]:
    """A plan without defaults, which earlier versions wrote for all schedules, whichever the plan has."""
    former = _FORMER_DEFAULTS
    return {key: value for key, value in plan.items() if key not in former or value != former[key]}
