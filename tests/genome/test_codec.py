"""A population survives the way through named arrays, and nothing else comes out of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from tests.samples import INPUTS, OUTPUTS, evolved, populations
from wann.errors import BadInput
from wann.genome import Population, decode, digest, encode

SHAPE = (INPUTS, OUTPUTS)


@settings(max_examples=40, deadline=None)
@given(populations)
def test_decoding_gives_back_what_was_encoded(population: Population) -> None:
    again = decode("front", encode("front", population), SHAPE)
    pairs: Any = zip(population.genes, again.genes, strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)
    assert digest(again) == digest(population)


def test_another_genome_has_another_digest() -> None:
    population = evolved(0, 60)
    found = {digest(population.take(np.array([index]))) for index in range(len(population))}
    distinct = {str(encode("", population.take(np.array([index])))) for index in range(len(population))}
    assert len(found) == len(distinct) > 1


@pytest.mark.parametrize("kind", [np.float64, np.complex128, np.str_])
def test_arrays_of_another_kind_are_refused(kind: type[np.generic]) -> None:
    arrays = encode("p", evolved(0, 5))
    arrays["p.source"] = arrays["p.source"].astype(kind)
    with pytest.raises(BadInput):
        decode("p", arrays, SHAPE)
