"""Plans of pruning: each schedule has the settings that it uses, and no others."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from wann.errors import BadInput
from wann.pruning import LevelsPlan, PruneConfig, load_prune_config
from wann.pruning.plan import AnyPruningPlan
from wann.settings import parse_settings, render_settings

KEPT: Final = sorted((Path(__file__).parents[2] / "results" / "pruning" / "configs").glob("*.toml"))


def parsed(**settings: Any) -> AnyPruningPlan:
    """The plan of a configuration, which its TOML gives back."""
    config = parse_settings(PruneConfig, {"pruning": settings})
    assert parse_settings(PruneConfig, tomllib.loads(render_settings(config))) == config
    return config.pruning


BAD_PLANS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "criterion": ({"criterion": "size"}, "criterion: 'size'; accepted are random, magnitude, .* neurons"),
    "scope": ({"scope": "local"}, "scope: .* 'global', 'layer' or 'erk', found 'local'"),
    "schedule": ({"schedule": "slow"}, "accepted schedules are iterative, one-shot"),
    "levels": ({"schedule": "levels"}, "levels: field required"),
    "no levels": ({"schedule": "levels", "levels": []}, "levels: field required"),
    "levels of a threshold": (
        {"schedule": "threshold", "levels": [0.5]},
        "levels: unknown key of schedule threshold; it is for schedule levels",
    ),
    "threshold": ({"schedule": "threshold", "criterion": "snip"}, "criterion: .* 'deviation', found 'snip'"),
    "rates": ({"rates": {"leave": 1.0}}, "rates.leave: .* less than 1, found 1.0"),
    "rates of levels": (
        {"schedule": "levels", "levels": [0.5], "rates": {"leave": 0.1}},
        "rates: unknown key of schedule levels",
    ),
    "rounds of one shot": ({"schedule": "one-shot", "rounds": 3}, "rounds: unknown key of schedule one-shot"),
    "global rates": ({"scope": "global", "rates": {"leave": 0.1}}, "rates: .* use scope 'layer'"),
    "neurons by threshold": ({"criterion": "neurons", "schedule": "threshold"}, "accepted schedules are"),
    "neurons by levels": (
        {"criterion": "neurons", "schedule": "levels", "levels": [0.5]},
        "accepted schedules are .* except for criterion neurons also levels",
    ),
    "neurons by ERK": ({"criterion": "neurons", "scope": "erk"}, "scope: .* found 'erk'"),
    "rates of a global scope of neurons": (
        {"criterion": "neurons", "scope": "global", "rates": {"leave": 0.1}},
        "rates: scope 'global' compares all layers with each other",
    ),
    "a step without rewinding to it": ({"step": 4}, "step: only rewind = 'step'"),
    "retraining after rewinding": ({"retrain": {"rate": 0.5}}, "retrain: only rewind = 'none'"),
}


@pytest.mark.parametrize(("settings", "complaint"), BAD_PLANS.values(), ids=BAD_PLANS)
def test_plans_that_make_no_sense_are_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadInput, match=rf"^pruning[.:] ?{complaint}"):
        parsed(**settings)


@pytest.mark.parametrize("schedule", ["iterative", "one-shot", "exponential", "cubic", "levels"])
@pytest.mark.parametrize("criterion", ["magnitude", "deviation", "snip"])
def test_every_criterion_goes_with_every_schedule_of_densities(schedule: str, criterion: str) -> None:
    levels = {"levels": [0.5, 0.25]} if schedule == "levels" else {}
    plan = parsed(criterion=criterion, schedule=schedule, **levels)
    assert plan.count >= 1
    assert plan.from_dense == (schedule == "levels" or criterion == "snip")


def test_configurations_of_earlier_versions_load_as_the_plans_that_they_were() -> None:
    unused = {"rate": 0.2, "rounds": 10, "sparsity": 0.9, "threshold": 1.0, "rates": {}, "step": 0}
    plan = parsed(schedule="levels", levels=[0.5], criterion="snip", scope="global", collapse=False, **unused)
    assert plan == LevelsPlan(criterion="snip", scope="global", levels=(0.5,))


def test_kept_configurations_load() -> None:
    assert len(KEPT) > 20
    for path in KEPT:
        config = load_prune_config(path)
        written = tomllib.loads(path.read_text())["pruning"]
        used = {name: written[name] for name in ("criterion", "schedule", "rewind")}
        assert config.pruning.model_dump(mode="json").items() >= used.items()
        assert parsed(**config.pruning.model_dump(mode="json", exclude_none=True)) == config.pruning
