"""A real cluster of several Ray nodes on this machine: nodes come, go, and are not there at all."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import ray
from ray._private.node import Node
from ray.cluster_utils import Cluster

from tests.evaluation.stubs import Stub
from tests.evaluation.test_ray import BATCH, TRIAL, WEIGHTS, agree, local, result
from wann import api
from wann.errors import BadInput, Failure
from wann.evaluation import BackendSettings
from wann.evaluation.messages import unpack
from wann.evaluation.ray import cluster as joining
from wann.evaluation.ray.cluster import connect
from wann.evaluation.ray.evaluator import RayEvaluator
from wann.evaluation.ray.worker import Worker
from wann.experiment import Config, Progress, parse_config

pytestmark = pytest.mark.usefixtures("_no_report")

ROOT: Final = Path(__file__).parents[2]
DOCUMENT: Final[dict[str, Any]] = {
    "seed": 9,
    "task": {"id": "wann/CartPoleSwingUp-v0", "episodes": 3, "episode_limit": 500},
    "search": {"population": 96, "generations": 200, "tournament": 4, "champion_episodes": 4},
}


class Nodes:
    """Nodes of one core each, beside a head that has none."""

    def __init__(self) -> None:
        self._cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 0, "include_dashboard": False},
            shutdown_at_exit=False,  # its hooks cannot be set by a thread
        )
        self.address: str = self._cluster.address
        self.running: list[Node] = []

    def add(self, count: int = 1) -> None:
        self.running += [self._cluster.add_node(num_cpus=1) for _ in range(count)]

    def remove(self, *, graceful: bool = False) -> None:
        self._cluster.remove_node(self.running.pop(0), allow_graceful=graceful)

    def settle(self) -> None:
        """Wait until the head knows who is there: it may take seconds to miss a node."""
        self._cluster.wait_for_nodes()

    def close(self) -> None:
        ray.shutdown()
        self._cluster.shutdown()


@pytest.fixture(scope="module")
def shared() -> Iterator[Nodes]:
    nodes = Nodes()
    yield nodes
    nodes.close()


@pytest.fixture
def nodes(shared: Nodes) -> Iterator[Nodes]:
    """The cluster, with two nodes at first."""
    shared.add(2 - len(shared.running))
    shared.settle()
    yield shared
    while len(shared.running) > 2:
        shared.remove()


def config(**backend: Any) -> Config:
    return parse_config(DOCUMENT | {"backend": backend})


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, _no_report: None) -> Path:
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    assert api.search(config(), run=run).finished
    return run


@pytest.mark.slow
def test_a_node_that_joins_is_used_and_one_that_leaves_is_done_without(nodes: Nodes) -> None:
    expected = local(Stub())
    settings = BackendSettings(kind="ray", address=nodes.address)
    with RayEvaluator(Stub(seconds=0.002), settings) as evaluator:

        def settle(count: int) -> None:
            while evaluator.workers != count:
                agree(evaluator.evaluate(BATCH, WEIGHTS, TRIAL), expected)

        settle(2)
        nodes.add()
        settle(3)
        nodes.remove()
        nodes.remove()
        settle(1)


@pytest.mark.slow
def test_a_search_without_workers_waits_keeps_its_checkpoint_and_ends_in_a_sentence(
    nodes: Nodes, undisturbed: Path, tmp_path: Path
) -> None:
    def show(progress: Progress) -> None:
        if progress.row.generation == 20:
            while nodes.running:
                nodes.remove()

    run = tmp_path / "run"
    settings = config(kind="ray", address=nodes.address, wait_seconds=3)
    with pytest.raises(
        Failure, match=r"has had no core .* for 3 s .*; the checkpoint is kept; .*wann\.resume"
    ):
        api.search(settings, run=run, callback=show)
    assert not ray.is_initialized()
    newest = max((run / "checkpoints").iterdir())
    assert int(newest.stem) == len((run / "metrics.csv").read_bytes().splitlines()) - 1 >= 20
    assert api.resume(run, backend="local").finished
    assert result(run) == result(undisturbed)


@pytest.mark.slow
def test_a_cluster_without_cores_is_refused_unless_a_node_comes_in_time(nodes: Nodes) -> None:
    while nodes.running:
        nodes.remove()
    nodes.settle()
    settings = BackendSettings(kind="ray", address=nodes.address, wait_seconds=4)
    with pytest.raises(BadInput, match=r"has had no core .* for 4 s \(cores there: 0\).*wait_seconds"):
        RayEvaluator(Stub(), settings)
    threading.Timer(3.0, nodes.add).start()
    with RayEvaluator(Stub(), settings.changed(wait_seconds=300)) as evaluator:
        agree(evaluator.evaluate(BATCH, WEIGHTS, TRIAL), local(Stub()))


@pytest.mark.slow
def test_nodes_get_our_code_and_compiled_kernels_from_the_driver(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # Ray has workers look into the driver's folder first
    session = connect(BackendSettings(kind="ray", address=nodes.address), 1)
    try:
        remote: Any = ray.remote(Worker)
        worker = remote.options(num_cpus=1).remote([ray.put(Stub())])
        header, _ = unpack(ray.get(worker.hello.remote()))
        source = Path(header["source"])
        assert Path(joining.__file__).parent != source.parent
        assert source.parts[-4:] == ("wann", "evaluation", "ray", "worker.py")
        assert list(source.parents[2].glob("kernels/__pycache__/*.nbi"))
        assert header["versions"]["numpy"] == np.__version__
    finally:
        session.close()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("127.0.0.1:{closed}", "nothing answers there .Connection refused"),
        ("nowhere.invalid:6379", "nothing answers there"),
        ("127.0.0.1", "write host:port"),
        ("127.0.0.1:0", "write host:port"),
        ("127.0.0.1:99999", "write host:port"),
        (":6379", "write host:port"),
        ("127.0.0.1:port", "write host:port"),
        ("ray://127.0.0.1:10001", "the Ray client is not supported"),
        ("127.0.0.1:{silent}", "no Ray cluster that accepts this machine answered"),
    ],
)
def test_an_address_without_a_cluster_is_refused(
    address: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "_PROBE_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.create_server(("127.0.0.1", 0)) as closed:
        ports = {"silent": silent.getsockname()[1], "closed": closed.getsockname()[1]}
        closed.close()
        with pytest.raises(BadInput, match=f"address: .*{says}"):
            connect(BackendSettings(kind="ray", address=address.format(**ports)), 1)
    assert not ray.is_initialized()


@pytest.mark.parametrize(
    ("address", "own_machine", "loopback"),
    [
        ("127.0.0.1:6379", True, True),
        ("localhost:6379", True, True),
        ("[::1]:6379", True, True),
        (f"{socket.gethostbyname(socket.gethostname())}:6379", True, None),
        ("192.0.2.254:6379", False, False),
        ("nowhere.invalid:6379", False, False),
        ("nonsense", False, False),
    ],
)
def test_addresses_of_this_machine_are_known(address: str, own_machine: bool, loopback: bool | None) -> None:
    found = joining._locate(address)
    assert found[0] == own_machine
    assert loopback in (None, found[1])


@pytest.mark.slow
@pytest.mark.parametrize("cluster", ["0", "1"])
def test_a_head_on_the_loopback_address_can_be_joined(cluster: str, tmp_path: Path) -> None:
    # With "1" Ray puts an address in its place that others can reach; the head asks for a token either way.
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", "--num-cpus=1",
        "--node-ip-address=127.0.0.1", f"--port={port}", "--include-dashboard=false",
        "--disable-usage-stats",
    ]  # fmt: skip
    program = """
import sys
from tests.evaluation.stubs import Stub
from tests.evaluation.test_ray import BATCH, TRIAL, WEIGHTS, agree, local
from wann.evaluation import BackendSettings
from wann.evaluation.ray.evaluator import RayEvaluator
with RayEvaluator(Stub(), BackendSettings(kind="ray", address=sys.argv[1])) as evaluator:
    agree(evaluator.evaluate(BATCH, WEIGHTS, TRIAL), local(Stub()))
"""
    settings = os.environ | {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": cluster, "RAY_AUTH_MODE": "token"}
    head = subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert head.stdout is not None
        assert any("Ray runtime started" in line for line in head.stdout)
        # In a process of its own, as Ray keeps what it has once learnt of an address.
        without = {name: value for name, value in os.environ.items() if name != "RAY_AUTH_MODE"}
        subprocess.run(
            [sys.executable, "-c", program, f"127.0.0.1:{port}"], env=without, check=True, cwd=ROOT
        )
    finally:
        os.killpg(head.pid, signal.SIGTERM)
        head.communicate(timeout=60)


def test_the_environment_variable_names_a_cluster_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "nonsense")
    with pytest.raises(BadInput, match=r"nonsense.*write host:port"):
        connect(BackendSettings(kind="ray"), 1)


@pytest.mark.slow
def test_a_cluster_of_another_version_is_refused(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    older = joining._PROBE.replace("try:", "ray.__version__ = '2.1.0'\ntry:", 1)
    monkeypatch.setattr(joining, "_PROBE", older)
    with pytest.raises(
        BadInput, match=rf"the cluster runs Ray: {ray.__version__} Python: .*this process.*2\.1\.0"
    ):
        connect(BackendSettings(kind="ray", address=nodes.address), 1)


@pytest.mark.slow
def test_a_worker_that_cannot_hold_the_task_does_not_stop_the_others(tmp_path: Path) -> None:
    said: list[str] = []
    session = connect(BackendSettings(kind="ray"), 2)
    try:
        # The first worker that prepares finds no room for the task, the next one does.
        task = Stub(misdeeds=dict.fromkeys(range(30), "raise once"), marks=tmp_path)
        with RayEvaluator(task, BackendSettings(kind="ray", workers=2), said.append) as evaluator:
            agree(evaluator.evaluate(BATCH, WEIGHTS, TRIAL), local(Stub()))
    finally:
        session.close()
    assert any("failed (ZeroDivisionError" in sentence for sentence in said)
