"""The names of well-known environments' numbers fit the environments."""

from __future__ import annotations

import re

import gymnasium
import pytest

from wann.network import Interface
from wann.tasks import make_task, names_of, task_settings
from wann.tasks.control.names import ACTIONS, OBSERVATIONS


def newest(name: str) -> str:
    """The id of the newest version."""
    known = [spec for spec in gymnasium.registry.values() if spec.name == name and spec.namespace is None]
    return max(known, key=lambda spec: spec.version or 0).id


@pytest.mark.parametrize("name", sorted(OBSERVATIONS.keys() & ACTIONS.keys() - {"CarRacing"}))
def test_there_is_a_name_for_each_number_and_none_twice(name: str) -> None:
    problem = make_task(task_settings(newest(name)))
    assert problem.input_names == OBSERVATIONS[name]
    assert problem.output_names == ACTIONS[name]
    assert (len(problem.input_names), len(problem.output_names)) == (problem.inputs, problem.outputs)
    for names in (problem.input_names, problem.output_names):
        assert len(set(names)) == len(names)
        assert all(re.fullmatch(r"[a-z0-9 -]+", given) and len(given) <= 20 for given in names)


def test_names_are_of_what_a_network_observes() -> None:
    inputs, outputs = names_of("LunarLander-v3", Interface(observe=(4, 0)))
    assert inputs == ("angle", "x")
    assert len(outputs) == 4


def test_given_names_win_and_others_are_numbers() -> None:
    given = make_task(task_settings("LunarLander-v3", observe=(6,), input_names=("leg",)))
    assert given.input_names == ("leg",)
    assert make_task(task_settings("Taxi-v4")).input_names[:2] == ("input 1", "input 2")
