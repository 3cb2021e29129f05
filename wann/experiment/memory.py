"""What networks have returned, so that none meets the same episodes again."""

from __future__ import annotations

from dataclasses import astuple
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..evaluation import Evaluator
from ..network import NetworkBatch, compile_population
from ..tasks import Outcome, Trial

__all__ = ["Memory"]


class _Known(NamedTuple):
    """Returns float64[weights, episodes] and steps int32[weights, episodes] of a network."""

    returns: NDArray[np.float64]
    steps: NDArray[np.int32]


class Memory:
    """What the networks of this generation and the last one have returned under shared weights.

    A return depends on network, weight and episode alone, so that what is remembered shows in no result:
    elites keep their returns while weights and episodes stay the same, and of networks that compute the
    same only one is evaluated.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[object, ...], _Known] = {}
        self._met: dict[tuple[object, ...], _Known] = {}

    def next_generation(self) -> None:
        """Forget what no network of the present generation has met."""
        self._last, self._met = self._met, {}

    def evaluate(
        self, evaluator: Evaluator, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial
    ) -> Outcome:
        """What the evaluator would return for these networks, of which it gets the unknown ones.

        Args:
            evaluator: computes what is not known.
            batch: the networks.
            weights: float64[weights], shared values.
            trial: what the networks meet.
        """
        met = (weights.tobytes(), trial.seeds.tobytes(), trial.seeds.shape, trial.part, *astuple(trial.rules))
        keys = [(fingerprint, *met) for fingerprint in batch.fingerprints()]
        unknown: dict[tuple[object, ...], int] = {}  # the first network of each kind
        for index, key in enumerate(keys):
            if (known := self._met.get(key) or self._last.get(key)) is not None:
                self._met[key] = known
            else:
                unknown.setdefault(key, index)
        reasons = self._computed(evaluator, batch, weights, trial, unknown)
        outcome = Outcome.blank(len(batch), len(weights), trial)
        for index, key in enumerate(keys):
            if key not in reasons:
                outcome.returns[index], outcome.steps[index] = self._met[key]
        return outcome.without({index: reasons[key] for index, key in enumerate(keys) if key in reasons})

    def _computed(
        self,
        evaluator: Evaluator,
        batch: NetworkBatch,
        weights: NDArray[np.float64],
        trial: Trial,
        unknown: dict[tuple[object, ...], int],
    ) -> dict[tuple[object, ...], str]:
        """Have networks evaluated, and keep what they return; the reasons why some could not be."""
        if not unknown:
            return {}
        if len(unknown) < len(batch):
            batch = compile_population(batch.population.take(np.array(list(unknown.values()))))
        outcome = evaluator.evaluate(batch, weights, trial)
        for index, key in enumerate(unknown):
            if index not in outcome.failed:  # what failed may have failed by chance
                self._met[key] = _Known(outcome.returns[index].copy(), outcome.steps[index].copy())
        return {key: outcome.failed[index] for index, key in enumerate(unknown) if index in outcome.failed}
