"""Connections to Ray: a local session on this machine, or a running cluster."""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any, Final

import ray
from ray import _private as internals
from ray._private import services

from ...errors import BadInput, Failure
from ..settings import BackendSettings
from .worker import LIBRARIES

__all__ = ["Session", "connect"]

_STORE: Final = 512 * 2**20  # bytes of object store that a local session may use
_CONNECT_SECONDS: Final = 5.0
_PROBE_SECONDS: Final = 30.0  # after Ray has been imported
_TOKEN_ERROR: Final = "InvalidAuthToken"  # noqa: S105 - the name of an error
_PROBE: Final = """
import logging, sys, ray
logging.disable()
print("begun", flush=True)
try:
    ray.init(address=sys.argv[1], log_to_driver=False, configure_logging=False)
    print("cores", int(ray.cluster_resources().get("CPU", 0)))
except BaseException as error:
    print("error", " ".join(str(error).split()) or type(error).__name__)
sys.stdout.flush()
import os
os._exit(0)
"""


class Session:
    """A connection to Ray.

    Attributes:
        name: its name in messages.
        own: whether it was opened here, and is closed by ``close``.
        lost: whether Ray is gone; any further call of Ray may then end this process at once.
    """

    def __init__(self, name: str, *, own: bool, cores: int | None = None) -> None:
        self.name = name
        self.own = own
        self.lost = False
        self._cores = cores

    def cores(self) -> int:
        """Number of cores of all present nodes."""
        return self._cores or int(ray.cluster_resources().get("CPU", 0))

    def close(self) -> None:
        """Disconnect, unless the session was open before."""
        if self.own and not self.lost:
            with _keep_signal_handlers():
                ray.shutdown()


def connect(settings: BackendSettings, cores: int, tell: Callable[[str], None] = lambda _: None) -> Session:
    """Join the cluster that the settings name, or open a local session.

    Ports and files of a local session are accessible on this machine only. If the program is connected
    to Ray already, that session is used.

    Args:
        settings: the address of the cluster, and whether to install libraries there.
        cores: number of cores of a local session.
        tell: receives a sentence about what is started or joined.

    Raises:
        BadInput: no cluster answers at the address, or this process cannot join it.
    """
    _silence_ray()
    if ray.is_initialized():
        return Session("the Ray session of this program", own=False)
    address = settings.address or os.environ.get("RAY_ADDRESS") or "local"
    if address == "local":
        tell("starting Ray on this machine ...")
        _open_local(cores)
        return Session("Ray on this machine", own=True, cores=cores)
    own_machine, loopback = _locate(address)
    _check_cluster(address, own_machine=own_machine, loopback=loopback)
    tell(f"joining the cluster at {address} ...")
    # Include the kernels' cache, which Ray would exclude: equal processors need not compile them again.
    excluded = _default_variable("RAY_OVERRIDE_RUNTIME_ENV_DEFAULT_EXCLUDES", ".git,.venv,venv")
    with _keep_signal_handlers(), excluded, _on_loopback(enabled=loopback):
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env=_runtime_environment(settings),
        )
    return Session(f"the cluster at {address}", own=True)


def _open_local(cores: int) -> None:
    # Ray gives workers the lowest priority, at which they starve beside other busy processes.
    with _keep_signal_handlers(), _on_loopback(enabled=True), _default_variable("RAY_worker_niceness", "0"):
        ray.init(
            address="local",
            num_cpus=cores,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            object_store_memory=_STORE,
        )
    address = ray.util.get_node_ip_address()
    if not address.startswith("127."):
        ray.shutdown()
        raise Failure(
            f"this version of Ray ({ray.__version__}) opens ports on {address}, not on loopback alone"
        )


@contextmanager
def _on_loopback(*, enabled: bool) -> Iterator[None]:
    """Make Ray use the loopback address, instead of one that other machines can reach."""
    constants = internals.ray_constants
    before = constants.ENABLE_RAY_CLUSTER
    # As Ray does on systems without cluster support: all ports on the loopback address.
    constants.ENABLE_RAY_CLUSTER = before and not enabled
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before


def _locate(address: str) -> tuple[bool, bool]:
    """Whether an address belongs to this machine, and whether it is a loopback address."""
    try:
        if address == "auto":
            address = services.get_ray_address_from_environment(address, None)
        host = address.rpartition(":")[0].strip("[]")
        family, kind, _, _, resolved = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as trial:
            trial.bind((resolved[0], 0))  # fails for addresses of other machines
    except (OSError, IndexError):
        return False, False
    return True, ipaddress.ip_address(resolved[0]).is_loopback


def _send_token() -> None:
    """Authenticate with this machine's token, which a head started here may require.

    Every local session creates the token, but Ray sends it to a given address only if RAY_AUTH_MODE is
    set, and then fails if the head does not require it.
    """
    setup = import_module("ray._private.authentication.authentication_token_setup")
    setup.maybe_enable_token_auth_if_token_available(warn_if_disabled=False)


def _silence_ray() -> None:
    """Suppress Ray's own output; what matters of it is told by the worker pool."""
    logging.getLogger("ray").setLevel(logging.ERROR)
    internals.worker._worker_logs_enabled = False  # noqa: SLF001 - log_to_driver=False does not cover deaths of workers


@contextmanager
def _keep_signal_handlers() -> Iterator[None]:
    """Restore the signal handlers after the block: Ray replaces them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


@contextmanager
def _default_variable(name: str, value: str) -> Iterator[None]:
    """Set an environment variable within the block, unless it is set already."""
    if name in os.environ:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


def _check_cluster(address: str, *, own_machine: bool, loopback: bool) -> None:
    """Try to join the cluster in a separate process, since Ray waits for minutes if none answers.

    Raises:
        BadInput: the cluster cannot be joined.
    """
    if address.startswith("ray://"):
        raise BadInput(
            f"{address}: the Ray client is not supported; give host:port of the cluster's head, such as "
            "10.0.0.1:6379, and run the search on one of its nodes",
            argument="address",
        )
    if address != "auto":
        _check_reachable(address)
    output = _probe(address, loopback=loopback)
    if _TOKEN_ERROR in output and own_machine and "RAY_AUTH_MODE" not in os.environ:
        _send_token()
        output = _probe(address, loopback=loopback)
    if _TOKEN_ERROR in output:
        raise BadInput(
            f"{address}: the cluster requires a token: set RAY_AUTH_MODE=token, and make sure that "
            "~/.ray/auth_token is that of its head",
            argument="address",
        )
    verdict, _, detail = output.strip().rpartition("\n")[2].partition(" ")
    if verdict == "late":
        raise BadInput(
            f"{address}: no Ray cluster that accepts this machine answered within "
            f"{_PROBE_SECONDS:.0f} s; is it the port of its head (`ray start --head` prints it), "
            "and has this machine joined it (`ray start --address=...`)?",
            argument="address",
        )
    if verdict != "cores":
        reason = _explained(detail if verdict == "error" else output)
        raise BadInput(f"{address}: {reason}", argument="address")


def _probe(address: str, *, loopback: bool) -> str:
    """The output of a process that joins the cluster; its last line is the verdict, if it has one."""
    variables = {internals.ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR: "0"} if loopback else {}
    process = subprocess.Popen(  # noqa: S603 - this interpreter, and an address that is one argument
        [sys.executable, "-c", _PROBE, address],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | variables,
    )
    timer = threading.Timer(_PROBE_SECONDS, process.kill)
    output = ""
    with process:
        for line in process.stdout or ():
            output += line
            if line == "begun\n":
                timer.start()
            if _TOKEN_ERROR in line:
                process.kill()
                break
    timer.cancel()
    return "late" if process.returncode == -signal.SIGKILL and _TOKEN_ERROR not in output else output


def _check_reachable(address: str) -> None:
    """Check that an address is valid and something listens there.

    Raises:
        BadInput: it is not, or nothing does.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise BadInput(f"{address}: write host:port, such as 10.0.0.1:6379, or auto", argument="address")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        reason = error.strerror or str(error) or "no answer"
        raise BadInput(
            f"{address}: nothing answers there ({reason}); `ray start --head` prints a cluster's address",
            argument="address",
        ) from None


def _explained(detail: str) -> str:
    """Why a cluster cannot be joined, from the text of Ray's error."""
    versions = re.search(r"started with: *(.+?) *This process[^:]*: *(.+?) *(?:$|Note)", detail)
    if versions:
        cluster, own = versions[1].rstrip("."), versions[2].rstrip(".")
        return f"the cluster runs {cluster}, and this process {own}: the versions must be the same"
    if "Could not find any running Ray" in detail:
        return "no cluster runs on this machine; `ray start --head` starts one"
    return f"cannot be joined ({detail.strip()[:300] or 'Ray gives no reason'})"


def _runtime_environment(settings: BackendSettings) -> dict[str, Any]:
    """The packages that nodes need: this one and those of environments, with their compiled kernels."""
    packages = {
        "wann",
        *(entry.module.partition(".")[0] for entry in entry_points(group="wann.environments")),
    }
    folders = [Path(import_module(name).__file__ or "") for name in sorted(packages)]
    environment: dict[str, Any] = {
        "py_modules": [str(path.parent if path.name == "__init__.py" else path) for path in folders]
    }
    if settings.install:
        environment["pip"] = [f"{name}=={version(name)}" for name in LIBRARIES]
    return environment
