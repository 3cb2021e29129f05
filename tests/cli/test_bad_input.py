"""Whatever is wrong with the input: exit code 2, nothing on standard output, and one line that helps."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tasks.environments import doing, here
from wann import api
from wann.cli import main
from wann.experiment import parse_config

pytestmark = pytest.mark.usefixtures("_forked")

TASK = "wann/CartPoleSwingUp-v0"
GOOD = f"""\
[task]
id = "{TASK}"
episodes = 1
episode_limit = 10
[search]
population = 16
generations = 3
tournament = 2
champion_episodes = 1
"""
GREETING = "print('nobody may run this')"


@dataclass(frozen=True)
class Row:
    """Arguments, what the message must say, and the files that must be there."""

    arguments: str
    says: tuple[str, ...]
    files: Mapping[str, str | bytes] = field(default_factory=dict)


def config(text: str | bytes, *says: str) -> Row:
    return Row("search c.toml --run r", ("c.toml", *says), {"c.toml": text})


def changed(key: str, value: str, *says: str) -> Row:
    return Row(
        f"search c.toml --run r --set {key}={value}",
        (f"--set {key.partition('.')[0]}", *says),
        {"c.toml": GOOD},
    )


def address(text: str, *says: str) -> Row:
    return Row(
        f"search c.toml --run r --ray-address {text}", ("--ray-address", text, *says), {"c.toml": GOOD}
    )


def task(name: str, *says: str) -> Row:
    return Row(f"search c.toml --run r --set task.id={name}", ("task.", name, *says), {"c.toml": GOOD})


def met(name: str, how: str, *says: str) -> Row:
    """A setting that does not go with an environment."""
    key = how.partition("=")[0]
    return Row(f"search c.toml --run r --set task.id={name} --set {how}", (key, *says), {"c.toml": GOOD})


CONFIGS = {
    "an unknown key": config(GOOD + "tournamnet = 3\n", "search.tournamnet", "did you mean search.tourn"),
    "a far-off key": config(GOOD + "zzz = 3\n", "search.zzz", "known are", "population"),
    "an unknown table": config(GOOD + "[serach]\nx = 1\n", "serach", "did you mean search"),
    "a misspelt table that is needed": config("[tasks]\nid = 'x'\n", "tasks", "did you mean task"),
    "a misspelt key that is needed": config("[task]\nidd = 'x'\n", "task.idd", "did you mean task.id"),
    "nothing at all": config("", "task", "required"),
    "text for a number": changed("search.population", "many", "valid integer", "'many'"),
    "a number for text": changed("task.id", "5", "valid string", "5"),
    "bool for a number": changed("search.population", "true", "valid integer", "True"),
    "a fraction for a count": changed("search.generations", "1.5", "integer", "1.5"),
    "a list for a number": changed("search.elite", "[0.2]", "valid number"),
    "a table for a value": config(GOOD + "[search.elite]\nx = 1\n", "search.elite", "valid number"),
    "a value for a table": config(f"search = 5\n[task]\nid = '{TASK}'\n", "search", "5"),
    "a date": config(GOOD + "elite = 2020-01-01\n", "not a number, text, list or table"),
    "too small": changed("search.population", "1", "greater than or equal to 2", "found 1"),
    "too large": changed("search.population", "2000000", "less than or equal to 1000000"),
    "a probability above one": changed("search.elite", "1.01", "less than or equal to 1"),
    "not a number in TOML": changed("search.elite", "nan", "finite number"),
    "infinity in TOML": changed("weights.limit", "inf", "finite number"),
    "an infinite weight": changed("weights.values", "[1.0,-inf]", "finite number"),
    "a huge number": changed("seed", "1" + "0" * 30, "less than 9223372036854775808"),
    "a number of five thousand digits": config("seed = " + "9" * 5000, "not TOML"),
    "deeply nested TOML": config("seed = " + "[" * 100_000, "not TOML"),
    "zero generations in the file": changed("search.generations", "0", "greater than or equal to 1"),
    "no episode": changed("task.episodes", "0", "greater than or equal to 1"),
    "no step": changed("task.episode_limit", "0", "greater than or equal to 1"),
    "a tournament beyond the population": changed("search.tournament", "17", "tournament 17", "of 16"),
    "all culled": changed("search.cull", "1.0", "less than 1", "found 1.0"),
    "no weights": changed("weights.values", "[]", "at least one weight"),
    "an unknown activation": changed("mutation.activations", '["tanh","tan"]', "'tan'", "sigmoid"),
    "no activations": changed("mutation.activations", "[]", "at least one activation"),
    "an impossible roulette": Row(
        "search c.toml --run r",
        ("mutation", "positive weight"),
        {
            "c.toml": GOOD
            + "[mutation]\nchange_activation = 0\nadd_node = 0\nadd_connection = 0\nenable_connection = 0\n"
        },
    ),
    "an unknown sampling": changed("weights.sampling", "dense", "'fixed' or 'stratified'", "'dense'"),
    "more episodes than fit": Row(
        "search c.toml --run r --set task.episodes=100000 --set search.population=1000000",
        ("task.episodes", "2,147,483,648"),
        {"c.toml": GOOD},
    ),
    "no TOML": config("population: 5\n", "not TOML"),
    "garbage": config(bytes(range(256)) * 9, "not TOML"),
    "a missing file": Row("search nowhere.toml --run r", ("nowhere.toml", "No such file")),
    "a folder for a file": Row("search . --run r", (".", "directory")),
    "a file of two megabytes": config("#" * 2**21, "larger than", "1,048,576"),
    "a misspelt preset": Row("search swingupp --run r", ("swingupp", "did you mean swingup")),
    "a preset of pruning": Row("search lenet-5/snip --run r", ("lenet-5/snip", "`wann prune`")),
    "a configuration of pruning": Row(
        "search c.toml --run r",
        ("c.toml: a configuration of pruning; it is for `wann prune`",),
        {"c.toml": "kind = 'prune'"},
    ),
    "a fault of the file beside a change": Row(
        "search c.toml --run r --set seed=3", ("c.toml: search.elite",), {"c.toml": GOOD + "elite = 3\n"}
    ),
    "a negative seed": Row(
        "search c.toml --run r --seed -1", ("seed", "greater than or equal to 0"), {"c.toml": GOOD}
    ),
    "zero generations": Row(
        "search c.toml --run r --generations 0", ("generations", "equal to 1"), {"c.toml": GOOD}
    ),
    "zero workers": Row("search c.toml --run r --workers 0", ("--workers", "equal to 1"), {"c.toml": GOOD}),
    "an unknown backend": Row(
        "search c.toml --run r --backend slurm", ("backend", "'local'", "'slurm'"), {"c.toml": GOOD}
    ),
    "an address for local threads": Row(
        "search c.toml --run r --backend local --ray-address 10.0.0.1:6379",
        ("backend", 'kind = "ray"'),
        {"c.toml": GOOD},
    ),
    "an address without a port": address("10.0.0.1", "write host:port"),
    "an address of the Ray client": address("ray://10.0.0.1:10001", "host:port of the cluster's head"),
    "an address where nobody is": address("127.0.0.1:9", "nothing answers there"),
    "an address that no name server knows": address("nowhere.invalid:6379", "nothing answers there"),
    "no patience": changed("backend.limit_seconds", "0", "greater than 0"),
    "no wait": changed("backend.wait_seconds", "-1", "greater than 0"),
    "no attempt": changed("backend.attempts", "0", "greater than or equal to 1"),
    "an unknown key of the backend": changed("backend.adress", "x", "did you mean backend.address"),
    "--set without =": Row("search c.toml --run r --set seed", ("--set seed", "key=value"), {"c.toml": GOOD}),
    "--set without a key": Row("search c.toml --run r --set =5", ("--set =5", "key=value"), {"c.toml": GOOD}),
    "--set below a value": Row(
        "search c.toml --run r --set task.id.x=1", ("task.id.x", "not a table"), {"c.toml": GOOD}
    ),
    "no beginning": changed("search.beginnings", "0", "greater than or equal to 1"),
    "a utility that is no power": changed("search.utility_exponent", "1.5", "valid integer"),
    "a key that was renamed": changed("mutation.further", "0.5", "mutation.further", "called repeat now"),
    "another key that was renamed": changed("task.keep", "2", "task.keep", "called redraw_every now"),
    "--set with an unknown key": changed("search.populaton", "4", "did you mean search.population"),
}

TASKS = {
    "an unknown environment": task("wann/CartPoleSwingUpp-v0", "did you mean wann/CartPoleSwingUp"),
    "an unknown version": task("wann/CartPoleSwingUp-v9", "did you mean"),
    "an environment like no other": task("qqqqqqqqqqqq", "wann.tasks()"),
    "no name": Row("search c.toml --run r --set task.id=", ("task.id", "no environment"), {"c.toml": GOOD}),
    "an unknown module": task("nowhere_at_all:Thing-v0", "missing", "No module named"),
    "a relative module": task(".:Thing-v0", "cannot be made"),
    "two modules": task("a:b:c-v0", "missing", "No module named"),
    "a misspelt environment of others": task("LunarLandr-v3", "did you mean LunarLander-v3"),
    "an old version": task("LunarLander-v2", "deprecated", "did you mean LunarLander-v3"),
    "a version that has moved": task("HalfCheetah-v3", "missing", "gymnasium-robotics"),
    "images": task(here("Image"), "are images", "task.encoder", "pixels:8x8", "wann encoder train --task"),
    "a long vector": task(here("LongVector"), "observations", "5,000 numbers", "1 to 4,096"),
    "text in a dictionary": task(here("Text"), "observations", "Dict", "accepted are Box, Discrete"),
    "observations of nothing": task(here("Empty"), "observations", "0 numbers", "accepted are 1 to 4,096"),
    "an environment that exits when it is made": task(here("Exits"), "cannot be made (SystemExit: 0)"),
    "an environment that exits without a space": task(here("Spaceless"), "SystemExit: no space"),
    "an environment that exits in close": task(here("Unclosable"), "fails in close (SystemExit: it stays"),
    "an environment that exits in reset": task(doing("exits", 0), "fails in reset", "(SystemExit: 0)"),
    "an environment that exits at once": task(doing("exits", 1), "fails in step", "(SystemExit: 0)"),
    "an environment that asks": task(doing("asks", 1), "fails in step", "EOF"),
    "an environment that cannot say why": task(doing("cannot say why", 1), "step", "(Unspeakable)"),
    "a dictionary of actions": task(here("DictAction"), "actions", "Dict", "accepted are Box, Discrete"),
    "an environment that cannot be made": task(here("CannotBeMade"), "cannot be made", "NoSuchSimulator"),
    "an environment that fails in reset": task(
        here("ResetFails"), "with seed 0 (RuntimeError: the floor is gone)"
    ),
    "an environment that fails at once": task(here("FirstStepFails"), "RuntimeError: the floor is gone)"),
    "an observation that is no number": task(here("FirstObservationIsNone"), "not finite in its first step"),
    "a reward that is no number": task(here("FirstRewardIsNone"), "not finite in its first step"),
    "an environment that never ends": Row(
        "search e.toml --run r",
        ("task.episode_limit", "tests/Endless-v0 has no limit", "such as 1000"),
        {"e.toml": f"[task]\nid = '{here('Endless')}'\n"},
    ),
    "a pool of what it has not": met(
        here("Sums"), "task.stepping=envpool", "EnvPool has no tests", "auto, gymnasium"
    ),
    "a pool of choices": met("Taxi-v4", "task.stepping=envpool", "EnvPool has no Taxi-v4"),
    "no dynamics to fuse": met(
        "LunarLander-v3", "task.stepping=fused", "offers no dynamics", "auto, envpool, gymnasium"
    ),
    "other dynamics than it says": Row(
        "search c.toml --run r --set task.stepping=fused --set task.terminal_reward=false",
        ("task.stepping", "cannot be fused with this interface", "auto, envpool, gymnasium"),
        {"c.toml": GOOD},
    ),
    "an unknown stepping": changed("task.stepping", "cpp", "'fused', 'envpool' or 'gymnasium'", "'cpp'"),
    "a number beyond the observation": changed("task.observe", "[0,5]", "5; the observations of", "end at 4"),
    "a number before the observation": changed("task.observe", "[-1]", "greater than or equal to 0"),
    "nothing to observe": changed("task.observe", "[]", "at least 1 item"),
    "a number observed twice": changed("task.observe", "[1,1]", "names an index twice"),
    "observing a word": changed("task.observe", "angle", "task.observe", "'angle'"),
    "a squash of choices": met("CartPole-v1", "task.squash=tanh", "Discrete(2)", "for those of a Box"),
    "a squash without bounds": met(here("Unbounded"), "task.squash=tanh", "no bounds", 'accepted is "clip"'),
    "an unknown squash": changed("task.squash", "relu", "'scale', 'clip' or 'tanh'", "'relu'"),
    "too few names": changed("task.input_names", '["x","y"]', "2 names for 5 inputs"),
    "too many names": changed("task.output_names", '["x","y"]', "2 names for 1 outputs"),
    "names of what is not observed": met(here("Sums"), 'task.input_names=["x","y"]', "2 names for 3 inputs"),
    "an empty name": changed("task.output_names", '[""]', "at least 1 character"),
    "no lanes": changed("task.lanes", "0", "greater than or equal to 1"),
    "a threshold that is no number": changed("task.threshold", "nan", "finite number"),
    "neither reused nor not": changed("task.reuse", "sometimes", "valid boolean", "'sometimes'"),
    "nearly a set of images": task("mnist16", "did you mean mnist-16"),
    "an episode limit for images": changed("task.id", "digits", "task.episode_limit", "set of images"),
    "places of an image": Row(
        "search images.toml --run r --set task.observe=[0,1]",
        ("task.observe", "set of images", "an environment"),
        {"images.toml": "[task]\nid = 'digits'\n"},
    ),
    "images in a pool": Row(
        "search images.toml --run r --set task.stepping=envpool",
        ("task.stepping", "set of images"),
        {"images.toml": "[task]\nid = 'digits'\n"},
    ),
    "temperatures of an environment": changed("task.temperatures", "[0.5,1.0]", "for a set of images"),
    "data of an environment": changed("task.data", "folder", "for a set of images"),
    "more images than there are": Row(
        "search images.toml --run r --set task.images=1198",
        ("task.images", "1,198", "1,197"),
        {"images.toml": "[task]\nid = 'digits'\n"},
    ),
    "no images": Row(
        "search images.toml --run r --set task.images=0",
        ("task.images", "equal to 1"),
        {"images.toml": "[task]\nid = 'digits'\n"},
    ),
    "images for an environment": changed("task.images", "5", "for a set of images"),
    "no temperature": Row(
        "search images.toml --run r --set task.temperatures=[]",
        ("task.temperatures", "at least 1 item"),
        {"images.toml": "[task]\nid = 'digits'\n"},
    ),
    "a temperature of zero": Row(
        "search images.toml --run r --set task.temperatures=[0.0]",
        ("task.temperatures", "equal to 0.001"),
        {"images.toml": "[task]\nid = 'digits'\n"},
    ),
    "memory for an environment": changed("task.memory", "5", "for a set of images"),
    "a folder without data": Row(
        "search images.toml --run r --set task.data=nowhere",
        ("nowhere/mnist", "train-images-idx3-ubyte", "WANN_DATA"),
        {"images.toml": "[task]\nid = 'mnist'\n"},
    ),
    "data that are none": Row(
        "search images.toml --run r --set task.data=.",
        ("mnist/train-images-idx3-ubyte.gz", "damaged"),
        {"images.toml": "[task]\nid = 'mnist-16'\n", "mnist/train-images-idx3-ubyte.gz": b"\x1f\x8bgarbage"},
    ),
    "a page for data": Row(
        "search images.toml --run r --set task.data=.",
        ("fashion-mnist/train-images-idx3-ubyte", "not an IDX file"),
        {
            "images.toml": "[task]\nid = 'fashion-mnist'\n",
            "fashion-mnist/train-images-idx3-ubyte": b"<html>not found</html>",
        },
    ),
    "no generations to keep a batch": changed("task.redraw_every", "0", "greater than or equal to 1"),
    "no connections": changed("search.most_connections", "0", "greater than or equal to 1"),
}

RUN_FOLDERS = {
    "a folder that is not empty": Row(
        "search c.toml --run full",
        ("--output full", "not empty", "new folder"),
        {"c.toml": GOOD, "full/x": ""},
    ),
    "a folder below a file": Row(
        "search c.toml --run c.toml/run", ("--output c.toml/run", "cannot be written"), {"c.toml": GOOD}
    ),
    "a file for a folder": Row(
        "search c.toml --run c.toml", ("--output c.toml", "cannot be written"), {"c.toml": GOOD}
    ),
    "resuming nothing": Row("resume nowhere", ("nowhere", "not a run folder", "config.toml")),
    "resuming a file": Row("resume c.toml", ("c.toml", "not a run folder"), {"c.toml": GOOD}),
    "a report of nothing": Row("report nowhere", ("nowhere", "not a run folder")),
    "a champion that is not there": Row("evaluate empty", ("empty", "champion.json"), {"empty/x": ""}),
}

NETWORK: dict[str, Any] = {
    "format": "wann-network",
    "version": 1,
    "inputs": 5,
    "outputs": 1,
    "nodes": [
        {"id": 0, "kind": "bias", "activation": "linear"},
        *({"id": place, "kind": "input", "activation": "linear"} for place in range(1, 6)),
        {"id": 6, "kind": "output", "activation": "linear"},
        {"id": 7, "kind": "hidden", "activation": "tanh"},
        {"id": 8, "kind": "hidden", "activation": "cos"},
    ],
    "connections": [
        {"source": 1, "target": 7, "weight": 0.5},
        {"source": 7, "target": 8, "weight": 1.0},
        {"source": 8, "target": 6, "weight": -1.25},
    ],
    "task": TASK,
}


def network(text: str | bytes, *says: str) -> Row:
    return Row("evaluate n.json --episodes 1", says, {"n.json": text})


def edited(edit: Callable[[dict[str, Any]], None], *says: str) -> Row:
    document = json.loads(json.dumps(NETWORK))
    edit(document)
    return network(json.dumps(document), *says)


def whole(**changes: Any) -> str:
    return json.dumps(NETWORK | changes)


def linked(*pairs: tuple[int, int]) -> list[dict[str, int]]:
    return [{"source": source, "target": target} for source, target in pairs]


def options(arguments: str, *says: str, document: str = whole()) -> Row:
    return Row(arguments, says, {"n.json": document})


def played(name: str, arguments: str, *says: str) -> Row:
    """A network of three inputs and two outputs, in an environment of the tests."""
    nodes = [
        {"id": place, "kind": kind, "activation": "linear"}
        for place, kind in enumerate(["bias", *["input"] * 3, *["output"] * 2])
    ]
    document = whole(inputs=3, outputs=2, nodes=nodes, connections=linked((1, 4), (2, 4), (3, 5)))
    command = arguments.replace("n.json", f"n.json --task {here(name)} --workers 1")
    return Row(command, says, {"n.json": document})


JUDGE = "evaluate n.json --weight 30 --episodes 2"
VIDEO = "evaluate n.json --weight 1 --episodes 1 --video"
ENVIRONMENTS = {
    "images": played("Image", JUDGE, "--task", "are images"),
    "dictionaries": played("Text", JUDGE, "--task", "Dict"),
    "actions in a dictionary": played("DictAction", JUDGE, "--task", "Dict"),
    "another number of inputs": played("Discrete", JUDGE, "3 inputs and 2 outputs", "needs 7 and 2"),
    "another number of outputs": played("FromThree", JUDGE, "3 inputs and 2 outputs", "needs 3 and 4"),
    "failing in reset": played("ResetFails", JUDGE, "--task", "the floor is gone"),
    "failing at once": played("FirstStepFails", JUDGE, "--task", "the floor is gone"),
    "no number at once": played("FirstObservationIsNone", JUDGE, "--task", "not finite in its first step"),
    "never ending": played("Endless", JUDGE, "--episode-limit", "has no limit of its own"),
    "failing in between": played(
        "TenthStepFails",
        JUDGE,
        "could not be evaluated",
        "fails in step of the episode with seed",
        "is gone)",
    ),
    "failing for some": played("LoudFails", JUDGE, "fails in step", "OverflowError: too loud"),
    "no number in between": played("FifthObservationIsNan", JUDGE, "no episode of 2 has a finite return"),
    "infinities in between": played("FifthRewardIsInfinite", JUDGE, "no episode of 2 has a finite return"),
    "nothing to tune": played("FifthRewardIsNan", "tune n.json -o t.json", "no episode of 400", "finite"),
    "tuning what fails": played("TenthStepFails", "tune n.json -o t.json", "task.id", "the floor is gone"),
    "gradients": played("Sums", "tune n.json -o t.json --method gradient", "has no gradients", "cma"),
    "a pool of what it has not": played("Sums", f"{JUDGE} --stepping envpool", "EnvPool has no tests"),
    "no dynamics to fuse": played("Sums", f"{JUDGE} --stepping fused", "offers no dynamics"),
    "an unknown stepping": played("Sums", f"{JUDGE} --stepping cpp", "stepping", "'gymnasium'", "'cpp'"),
    "another suffix": played("Sums", f"{VIDEO} v.avi", "v.avi: not a video", ".gif", ".mp4", ".png"),
    "no suffix": played("Sums", f"{VIDEO} v", "v: not a video", ".gif", ".mp4", ".png"),
    "a folder that is missing": played("Sums", f"{VIDEO} no/v.mp4", "no/v.mp4: there is no folder no"),
    "no episodes to film": played("Sums", f"{VIDEO} v.gif --video-episodes 0", "--video-episodes", "to 1"),
    "nothing to see": played(
        "Invisible", f"{VIDEO} v.gif", "task.id", "cannot be rendered", "no screen here"
    ),
    "failing before a camera": played(
        "FourthStepFailsRarely", f"{VIDEO} v.gif --seed 1", "task.id", "the episode with seed 1 ", "is gone"
    ),
    "no seeds": played("Sums", f"{JUDGE} --seeds 0", "--seeds", "equal to 1"),
    "an interface beyond the observation": options(
        "evaluate n.json --weight 1",
        "99",
        "end at 4",
        document=whole(interface={"observe": [0, 1, 2, 3, 99]}),
    ),
    "an interface of other means": options(
        "evaluate n.json --task LunarLander-v3 --weight 1",
        "8 observed numbers for 5 means",
        document=whole(interface={"mean": [0.0] * 5, "std": [1.0] * 5}),
    ),
    "an interface of a Box": options(
        "evaluate n.json --task CartPole-v1 --weight 1",
        "task.squash",
        "Discrete(2)",
        document=whole(interface={"squash": "clip"}),
    ),
    "a damaged interface": network(whole(interface={"observe": [0, -1]}), "interface.observe.1", "found -1"),
    "an interface of another size": network(whole(interface={"observe": [0]}), "observe has 1 numbers for 5"),
    "an interface with more": network(whole(interface={"script": GREETING}), "interface", "not permitted"),
}

DIGIT_NODES = [
    {"id": place, "kind": kind, "activation": "linear"}
    for place, kind in enumerate(["bias", *["input"] * 64, *["output"] * 10])
]
NETWORKS = {
    "a cycle": network(whole(connections=linked((1, 7), (7, 8), (8, 7), (8, 6))), "cycle", "7 -> 8"),
    "a self-loop": network(whole(connections=linked((7, 7), (7, 6))), "cycle", "7 -> 7"),
    "a weight that is no number": edited(lambda d: d["connections"][0].update(weight=float("nan")), "finite"),
    "an infinite weight": edited(lambda d: d["connections"][0].update(weight=float("inf")), "finite"),
    "a weight of 1e400": network(whole().replace("-1.25", "1e400"), "connections.2.weight", "finite"),
    "a weight of 400 digits": network(whole().replace("-1.25", "1" + "0" * 400), "connections.2.weight"),
    "a weight beyond 32 bits": network(whole().replace("-1.25", "1e39"), "finite", "32 bits"),
    "a shared weight beyond 32 bits": network(whole(shared_weight=1e39), "shared_weight", "finite"),
    "a number of 5000 digits": network(whole().replace("-1.25", "9" * 5000), "n.json", "not JSON"),
    "a weight as text": edited(lambda d: d["connections"][0].update(weight="1"), "valid number", "'1'"),
    "a thousand million inputs": network(whole(inputs=10**9), "inputs", "100000"),
    "inputs that are not there": network(whole(inputs=4), "5 inputs", "4 inputs"),
    "no inputs": network(whole(inputs=0), "inputs", "greater than or equal to 1"),
    "version 2": network(whole(version=2), "version 2", "reads version 1"),
    "version true": network(whole(version="1"), "version '1'", "reads version 1"),
    "another format": network(whole(format="onnx"), "format", "wann-network", "onnx"),
    "no format": network("{}", "format", "required"),
    "a list": network("[1, 2]", "dictionary"),
    "an unknown key": network(whole(script=GREETING), "script", "not permitted"),
    "a repeated node id": edited(lambda d: d["nodes"][8].update(id=7), "node id 7", "duplicate"),
    "a repeated connection": network(whole(connections=linked((1, 6), (1, 6))), "1 -> 6", "twice"),
    "a connection into an input": network(whole(connections=linked((7, 2))), "7 -> 2", "input"),
    "a connection into the bias": network(whole(connections=linked((7, 0))), "7 -> 0", "bias"),
    "a connection out of an output": network(whole(connections=linked((6, 7))), "6 -> 7", "leaves an output"),
    "an unknown node": network(whole(connections=linked((1, 99))), "1 -> 99", "does not exist"),
    "a negative node": network(whole(connections=linked((-1, 6))), "-1 -> 6", "does not exist"),
    "an unknown activation": edited(lambda d: d["nodes"][7].update(activation="tan"), "'tan'", "sigmoid"),
    "an input with an activation": edited(
        lambda d: d["nodes"][1].update(activation="cos"), "input 1", "linear"
    ),
    "nodes out of order": edited(lambda d: d["nodes"].reverse(), "order bias, inputs, outputs, hidden"),
    "no bias": edited(lambda d: d["nodes"].pop(0), "0 bias", "1 bias"),
    "some weights missing": edited(lambda d: d["connections"][1].pop("weight"), "2 of 3", "each or none"),
    "no JSON": network("nodes: 5", "not JSON"),
    "an empty file": network("", "not JSON"),
    "deeply nested JSON": network("[" * 200_000, "not JSON"),
    "bytes that are not UTF-8": network(b'{"format": "\xff\xfe"}', "not JSON"),
    "a pickle": network(b"\x80\x04c__main__\neval\n.", "not JSON"),
    "escape sequences in a key": network(whole(**{"\x1b[2J\nx": 1}), "not permitted"),
    "a missing network": options("evaluate nowhere.json", "nowhere.json", "no such file"),
    "a network that does not fit": network(
        whole(inputs=4, nodes=[NETWORK["nodes"][0], *NETWORK["nodes"][2:]], connections=linked((2, 6))),
        "4 inputs",
        "needs 5",
    ),
    "no task": network(
        json.dumps({key: value for key, value in NETWORK.items() if key != "task"}), "--task", TASK
    ),
    "an unknown task": network(whole(task="wann/Nothing-v0"), "wann/Nothing-v0", "no environment"),
    "a task that names a module": network(
        whole(task="antigravity:Fly-v0"), "antigravity", "--trust antigravity"
    ),
    "a set of images that does not fit": options(
        "evaluate n.json --task digits", "5 inputs and 1 outputs", "digits needs 64 and 10"
    ),
    "an ensemble of an environment": options("evaluate n.json --condition ensemble", "ensemble", "shared"),
    "gradients of an environment": options("tune n.json --method gradient -o o.json", "gradient", "cma"),
    "a video of images": Row(
        "evaluate n.json --weight 1 --video film.gif",
        ("digits", "no episodes to show"),
        {
            "n.json": whole(
                task="digits", inputs=64, outputs=10, nodes=DIGIT_NODES, connections=linked((1, 70))
            )
        },
    ),
    "an unknown condition": options("evaluate n.json --condition best", "--condition best", "tuned-shared"),
    "a weight and a condition": options(
        "evaluate n.json --weight 1 --condition shared", "--weight", "condition"
    ),
    "a weight that is not finite": options("evaluate n.json --weight nan", "--weight nan", "accepted"),
    "a weight as a word": options("evaluate n.json --weight heavy", "--weight", "valid number"),
    "stored without weights": options(
        "evaluate n.json --condition stored --episodes 1",
        "stored",
        "no weights",
        document=whole(connections=linked((1, 6))),
    ),
    "no episodes": options("evaluate n.json --episodes 0", "--episodes", "equal to 1"),
    "no workers": options("evaluate n.json --workers 0", "--workers", "equal to 1"),
    "a negative seed": options("evaluate n.json --seed -1", "--seed", "equal to 0"),
    "more episodes than fit": options("evaluate n.json --episodes 2000000", "--episodes", "equal to 1000000"),
    "endless training": options(
        "tune n.json --iterations 2000000 -o t.json", "--iterations", "equal to 1000000"
    ),
    "an unknown training": options("tune n.json --method magic -o t.json", "--method magic", "cma"),
    "no iterations": options("tune n.json --iterations 0 -o t.json", "--iterations", "equal to 1"),
    "an unknown format": options("export n.json --format tiff -o x", "--format tiff", "json", "out"),
    "an unknown picture": options("show n.json -o picture.bmp", "picture.bmp", "svg", "png", "pdf", "html"),
    "a picture without a suffix": options("show n.json -o picture", "picture", "svg"),
    "a folder that is missing": options("export n.json --format out -o no/x.out", "no/x.out", "no folder no"),
    "a folder that is missing for a picture": options("show n.json -o no/x.svg", "no/x.svg", "no folder no"),
    "a folder that is missing after long work": options(
        "tune n.json -o no/x.json", "no/x.json", "no folder no"
    ),
    "a folder for an output": options("show n.json -o .", "folder", "name a file"),
    "a missing option": options("export n.json -o x", "--format"),
    "a missing output": options("show n.json", "--output"),
    "an unknown option": options("evaluate n.json --epsiodes 5", "--epsiodes", "--episodes"),
    "an unknown command": options("evalaute n.json", "evalaute", "evaluate"),
    "too many arguments": options("show n.json more -o x.svg", "more"),
}

TABLE = "0,0,1,1\n0,0,1,1\n0,0,0,1\n"


def imported(table: str | bytes, *says: str, inputs: int = 1) -> Row:
    return Row(f"import n.out --inputs {inputs} --outputs 1 -o n.json", ("n.out", *says), {"n.out": table})


def weighted(weights: str | bytes, *says: str) -> Row:
    files = {"n.out": TABLE, "w.json": weights}
    return Row("import n.out --inputs 1 --outputs 1 --weights w.json -o n.json", says, files)


PUBLISHED = {
    "ragged rows": imported("0,0,1,1\n0,0,1\n0,0,0,1\n", "row 2", "3 columns", "4"),
    "a connection backwards": imported(
        "0,0,1,1\n0,0,1,1\n1,0,0,1\n", "row 3", "column 1", "above the diagonal"
    ),
    "a connection to itself": imported("0,0,1,1\n0,1,1,1\n0,0,0,1\n", "row 2", "above the diagonal"),
    "too many inputs": imported(TABLE, "3 nodes", "4 inputs", inputs=4),
    "a thousand million inputs": imported(TABLE, "3 nodes", "1000000000 inputs", inputs=10**9),
    "a connection into an input": imported("0,1,1,1\n0,0,1,1\n0,0,0,1\n", "0 -> 1", "input"),
    "activation 12": imported("0,0,1,1\n0,0,1,1\n0,0,0,12\n", "activation 12", "1 to 11"),
    "activation one and a half": imported("0,0,1,1\n0,0,1,1\n0,0,0,1.5\n", "activation 1.5", "1 to 11"),
    "no activation": imported("0,0,1,1\n0,0,1,1\n0,0,0,nan\n", "activation nan", "1 to 11"),
    "an infinite number": imported("0,0,inf,1\n0,0,1,1\n0,0,0,1\n", "row 1", "infinite"),
    "a number beyond all": imported("0,0,1e999,1\n0,0,1,1\n0,0,0,1\n", "row 1", "infinite"),
    "an empty table": imported("", "empty", "a row for each node"),
    "text": imported("hello\n", "row 1", "hello", "numbers separated by commas"),
    "a book": imported("word" * 100_000, "row 1", "numbers separated by commas"),
    "garbage": imported(bytes(range(256)), "row 1", "numbers separated by commas"),
    "too few offsets": weighted("[[0.5], 1.0]", "w.json", "1 offsets", "2 connections"),
    "too many offsets": weighted("[[0.5, 1, 2], 1.0]", "w.json", "3 offsets", "2 connections"),
    "offsets that are no JSON": weighted("0.5, 1", "w.json", "JSON"),
    "an offset that is no number": weighted("[[0.5, NaN], 1.0]", "w.json", "finite", "1"),
    "an infinite offset": weighted("[[0.5, 1e999], 1.0]", "w.json", "finite"),
    "an offset of 400 digits": weighted("[[0.5, 1" + "0" * 400 + "], 1.0]", "w.json"),
    "an offset as text": weighted('[["0.5", "1"], 1.0]', "w.json", "valid number"),
    "offsets without their list": weighted("[0.5, 1]", "w.json", "[[offset, ...], score]"),
    "an object": weighted("{}", "w.json", "[[offset, ...], score]"),
    "an empty list": weighted("[]", "w.json", "[[offset, ...], score]"),
    "nothing": weighted("", "w.json", "JSON"),
    "deeply nested offsets": weighted("[" * 100_000, "w.json", "JSON"),
    "bytes that are not UTF-8": weighted(b"[[\xff], 1]", "w.json", "JSON"),
    "missing weights": Row(
        "import n.out --inputs 1 --outputs 1 --weights w.json -o n.json",
        ("w.json", "No such"),
        {"n.out": TABLE},
    ),
    "no outputs": Row(
        "import n.out --inputs 1 --outputs 0 -o n.json", ("--outputs", "equal to 1"), {"n.out": TABLE}
    ),
    "an infinite bias": Row(
        "import n.out --inputs 1 --outputs 1 --weights w.json --weight-bias inf -o n.json",
        ("finite",),
        {"n.out": TABLE, "w.json": "[[1, 1], 0]"},
    ),
}

ROWS = {
    f"{kind}: {name}": row
    for kind, rows in {
        "config": CONFIGS,
        "task": TASKS,
        "run": RUN_FOLDERS,
        "network": NETWORKS,
        "environment": ENVIRONMENTS,
        "out": PUBLISHED,
    }.items()
    for name, row in rows.items()
}


def write(files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str], *says: str) -> str:
    """Run a command that must be refused; returns its one line."""
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    output = capsys.readouterr()
    assert_refusal(ending.value.code, output.out, output.err, *says)
    return output.err


def assert_refusal(code: object, out: str, err: str, *says: str) -> None:
    assert code == 2, err
    assert out == ""
    assert err.startswith("wann: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert err.strip().isprintable()
    assert len(err) < 2100
    for part in says:
        assert part in err


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_it_is_refused_in_one_line_that_names_the_culprit(
    row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(row.files)
    refused(row.arguments.split(), capsys, *row.says)
    # Nothing was left behind either.
    assert {path.name for path in tmp_path.iterdir()} == {name.partition("/")[0] for name in row.files}


def test_a_huge_file_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, arguments in {
        "n.json": ["evaluate"],
        "n.out": ["import", "--inputs=1", "--outputs=1", "-o", "x"],
    }.items():
        path = tmp_path / name
        with path.open("wb") as file:
            file.truncate(2**40)  # sparse: takes no room
        refused([arguments[0], str(path), *arguments[1:]], capsys, name, "larger than", "67,108,864")


REAL = {
    "an unknown key": CONFIGS["an unknown key"],
    "an environment that fails": TASKS["an environment that fails in reset"],
    "a weight beyond 32 bits": NETWORKS["a weight beyond 32 bits"],
    "an unknown command": NETWORKS["an unknown command"],
}


@pytest.mark.parametrize(
    "row",
    [
        row if name == "an unknown key" else pytest.param(row, marks=pytest.mark.slow)
        for name, row in REAL.items()
    ],
    ids=REAL,
)
def test_a_process_of_its_own_refuses_likewise(
    row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(row.files)
    command = [sys.executable, "-c", "from wann.cli import main; main()", *row.arguments.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert_refusal(done.returncode, done.stdout, done.stderr, *row.says)


@pytest.mark.parametrize(
    ("name", "workers", "says"),
    [
        ("TenthStepFails", 1, "tests/TenthStepFails-v0 fails in step of the episode with seed"),
        ("TenthStepFails", 2, "tests/TenthStepFails-v0 fails in step of the episode with seed"),
        ("FifthRewardIsNan", 1, "tests/FifthRewardIsNan-v0 gave no network of a generation a finite return"),
    ],
)
def test_an_environment_that_fails_every_network_ends_a_search_and_the_checkpoint_is_kept(
    name: str,
    workers: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write({"c.toml": GOOD})
    settings = f"--workers {workers} --set task.id={here(name)} --set task.episode_limit=12"
    search = f"search c.toml --run r --quiet {settings}"
    refused(search.split(), capsys, says, "the checkpoint is kept", "wann resume r")
    assert [path.name for path in Path("r/checkpoints").iterdir()] == ["00000000.npz"]
    if workers == 1:
        trusted = here(name).partition(":")[0]
        refused(["resume", "r"], capsys, "r/config.toml", f"--trust {trusted}")
        refused(
            ["resume", "r", "--trust", trusted, "--quiet"], capsys, says, f"wann resume r --trust {trusted}"
        )


# An install without extras: libraries that are not there, in a process of its own.

ABSENT = """\
import contextlib, io, json, sys

class Rest:
    finders = list(sys.meta_path)

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("Box2D", "mujoco", "envpool", "av", "imageio", "pygame", "torch"):
            return None
        found = (finder.find_spec(name, path, target) for finder in self.finders)
        return next((spec for spec in found if spec), None)

sys.meta_path[:] = [Rest()]
from wann.cli import main

for command in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(command.split())
        except SystemExit as ending:
            code = ending.code
    print(json.dumps([code, out.getvalue(), err.getvalue()]))
"""
WITHOUT = {
    "search c.toml --run r --set task.id=LunarLander-v3": "wann[box2d]",
    "search c.toml --run r --set task.id=BipedalWalker-v3": "wann[box2d]",
    "search c.toml --run r --set task.id=HalfCheetah-v5": "wann[mujoco]",
    "search c.toml --run r --set task.id=CartPole-v1 --set task.stepping=envpool": "wann[envpool]",
    "evaluate n.json --weight 1 --video v.mp4": "wann[video]",
    "evaluate n.json --weight 1 --episodes 1 --video v.gif": "wann[video]",
}


def test_what_needs_an_extra_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    nodes = [
        {"id": place, "kind": kind, "activation": "linear"}
        for place, kind in enumerate(["bias", *["input"] * 4, *["output"] * 2])
    ]
    pole = whole(inputs=4, outputs=2, nodes=nodes, connections=linked((1, 5)), task="CartPole-v1")
    write({"c.toml": GOOD, "n.json": pole})
    process = [sys.executable, "-c", ABSENT, json.dumps([*WITHOUT, "tasks"])]
    done = subprocess.run(process, capture_output=True, text=True, check=True)
    *refusals, tasks = map(json.loads, done.stdout.splitlines())
    for refusal, extra in zip(refusals, WITHOUT.values(), strict=True):
        assert_refusal(*refusal, f"pip install '{extra}'")
    assert tasks[0] == 0
    assert tasks[2].count("\n") == 1  # what else there is, and no complaint
    assert {path.name for path in tmp_path.iterdir()} == {"c.toml", "n.json"}


def test_debug_shows_where_it_happened(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such file"):
        main(["--debug", "evaluate", str(tmp_path / "nowhere.json")])


# Runs: one real tiny one, a copy of which every test damages in its own way.


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("finished") / "run"
    document = {
        "task": {"id": TASK, "episodes": 1, "episode_limit": 10},
        "search": {"population": 16, "generations": 3, "tournament": 2, "champion_episodes": 1},
        "backend": {"workers": 1},
    }
    calls = iter(range(10))
    # Stopped before its last generation, so that there are two checkpoints.
    assert not api.search(parse_config(document), run=path, stop=lambda: next(calls) == 2).finished
    assert not api.resume(path, stop=lambda: True).finished
    checkpoint = path / "checkpoints" / "00000002.npz"
    shutil.copy(checkpoint, path / "checkpoints" / "00000001.npz")
    return path


def sealed(content: bytes) -> bytes:
    """With the checksum that belongs to it: damage that only a closer look finds."""
    return content + np.array([zlib.crc32(content)], np.uint32).tobytes()


def archive(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return sealed(buffer.getvalue())


class Bomb:
    """Unpickling it would make a folder."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("exploded",)


def pickled() -> bytes:
    trap = np.empty(1, object)
    trap[0] = Bomb()
    return archive(header=np.array([1, 2]), trap=trap)


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]


def array_alone() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.arange(3))
    return sealed(buffer.getvalue())


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], tuple[str, ...]]] = {
    "truncated": (lambda content: content[:-100], ("damaged", "checksum")),
    "one bit flipped": (flipped, ("damaged", "checksum")),
    "empty": (lambda _: b"", ("damaged", "checksum")),
    "four zeros": (lambda _: bytes(4), ("not a checkpoint",)),
    "no archive": (lambda _: sealed(b"hello"), ("not a checkpoint",)),
    "an array alone": (lambda _: array_alone(), ("not a checkpoint",)),
    "another version": (lambda _: archive(header=np.array([7, 2])), ("version 7", "reads 1")),
    "no header": (lambda _: archive(x=np.arange(2)), ("not a checkpoint", "header")),
    "a header of one number": (lambda _: archive(header=np.int64(1)), ("not a checkpoint",)),
    "a header of fractions": (lambda _: archive(header=np.array([1.0, 2.5])), ("not a checkpoint",)),
    "a pickled object": (lambda _: pickled(), ("not a checkpoint", "does not hold plain numbers")),
    "nothing but a header": (lambda _: archive(header=np.array([1, 2])), ("does not describe a search",)),
}


@pytest.mark.parametrize(("damage", "says"), DAMAGE.values(), ids=DAMAGE)
def test_a_run_whose_checkpoints_are_all_damaged_is_refused(
    damage: Callable[[bytes], bytes],
    says: tuple[str, ...],
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    run = shutil.copytree(finished, tmp_path / "run")
    for path in (run / "checkpoints").glob("*.npz"):
        path.write_bytes(damage(path.read_bytes()))
    before = (run / "metrics.csv").read_bytes()
    refused(["resume", "run"], capsys, "run", *says)
    assert not (tmp_path / "exploded").exists()
    assert (run / "metrics.csv").read_bytes() == before


RUNS: dict[str, tuple[Callable[[Path], object], str, tuple[str, ...]]] = {
    "fewer generations than are done": (
        lambda _: None,
        "resume run --generations 1",
        ("1 is fewer than the 2 that are done",),
    ),
    "zero generations": (lambda _: None, "resume run --generations 0", ("generations", "equal to 1")),
    "an unknown backend": (lambda _: None, "resume run --backend slurm", ("'local'", "'slurm'")),
    "zero workers": (lambda _: None, "resume run --workers 0", ("--workers", "equal to 1")),
    "an address for local threads": (
        lambda _: None,
        "resume run --backend local --ray-address 10.0.0.1:6379",
        ('kind = "ray"',),
    ),
    "an address where nobody is": (
        lambda _: None,
        "resume run --ray-address 127.0.0.1:9",
        ("--ray-address", "nothing answers there"),
    ),
    "another population": (
        lambda run: (run / "config.toml").write_text(GOOD.replace("16", "20")),
        "resume run",
        ("16 genomes", "20"),
    ),
    "a damaged configuration": (
        lambda run: (run / "config.toml").write_text("]"),
        "resume run",
        ("config.toml", "not TOML"),
    ),
    "lost rows": (
        lambda run: (run / "metrics.csv").write_text("generation\n0\n"),
        "resume run",
        ("metrics.csv", "1 rows", "2 generations"),
    ),
    "no rows": (lambda run: (run / "metrics.csv").unlink(), "resume run", ("metrics.csv", "0 rows")),
    "a report of garbage": (
        lambda run: (run / "metrics.csv").write_bytes(bytes(range(256))),
        "report run",
        ("metrics.csv", "not a table (line 1: 'utf-8' codec"),
    ),
    "a report of ragged rows": (
        lambda run: (run / "metrics.csv").write_bytes((run / "metrics.csv").read_bytes() + b"1\n"),
        "report run",
        ("metrics.csv", "not a table: line 4 has 1 cells, the header 11"),
    ),
    "a report of nothing": (
        lambda run: (run / "metrics.csv").unlink(),
        "report run",
        ("metrics.csv", "cannot be read (No such file or directory)"),
    ),
    "a damaged champion": (
        lambda run: (run / "champion.json").write_text("{"),
        "evaluate run",
        ("champion.json", "not JSON"),
    ),
}


@pytest.mark.parametrize(("damage", "arguments", "says"), RUNS.values(), ids=RUNS)
def test_a_run_that_cannot_go_on_is_refused(
    damage: Callable[[Path], object],
    arguments: str,
    says: tuple[str, ...],
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    damage(shutil.copytree(finished, tmp_path / "run"))
    refused(arguments.split(), capsys, *says)
