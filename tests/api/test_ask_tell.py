"""Ask and tell: a search over somebody else's problem."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import wann
from wann.errors import BadInput

SMALL = {"search.population": 16, "search.tournament": 4, "search.generations": 4}
INPUTS = np.linspace(-1, 1, 9)[:, None]


def returns(networks: list[wann.Network]) -> NDArray[np.float64]:
    """Minus the squared distance from |x|, for two weights."""
    wanted = np.abs(INPUTS)
    return np.array(
        [
            [-np.mean((network.policy(weight).outputs(INPUTS) - wanted) ** 2) for weight in (-1.0, 1.0)]
            for network in networks
        ]
    )


def searched(seed: int = 0) -> wann.Search:
    search = wann.Search(1, 1, seed=seed, settings=SMALL)
    while not search.finished:
        search.tell(returns(search.ask()))
    return search


def test_the_champion_is_the_best_network_that_was_told() -> None:
    search = wann.Search(1, 1, settings=SMALL)
    assert search.champion is None
    best = []
    while not search.finished:
        told = returns(search.ask())
        row = search.tell(told)
        best.append(told.mean(axis=1).max())
        assert row.best_mean == best[-1]
    assert search.champion is not None
    assert search.champion.provenance["selection_mean"] == max(best)
    assert returns([search.champion]).mean() == max(best)
    assert repr(search) == "Search(generation 4 of 4, 16 networks)"


def test_equal_seeds_and_returns_give_equal_networks() -> None:
    def asked(search: wann.Search) -> list[tuple[list[int], list[int]]]:
        return [(one.source.tolist(), one.activation.tolist()) for one in search.ask()]

    assert asked(searched(1)) == asked(searched(1))
    first, other = (wann.Search(1, 1, seed=seed, settings=SMALL) for seed in (1, 2))
    assert asked(first) != asked(other)


def test_one_return_for_each_network_is_enough() -> None:
    search = wann.Search(2, 1, settings=SMALL)
    assert search.tell([float(network.connections) for network in search.ask()]).best_connections > 0


def test_what_does_not_fit_is_refused() -> None:
    search = wann.Search(2, 1, settings=SMALL)
    with pytest.raises(RuntimeError, match="without ask"):
        search.tell([0.0] * 16)
    search.ask()
    with pytest.raises(BadInput, match=r"returns: an array of shape \(3,\); accepted is a row for each"):
        search.tell([0.0] * 3)
    with pytest.raises(BadInput, match="settings: task: unknown key"):
        wann.Search(2, 1, settings={"task.id": "digits"})
    with pytest.raises(BadInput, match="inputs: 0; accepted are numbers from 1"):
        wann.Search(0, 1)
