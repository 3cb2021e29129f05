"""The way to Ray: a session on this machine alone, or a cluster that runs elsewhere."""

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
_KNOCK_SECONDS: Final = 5.0
_PROBE_SECONDS: Final = 30.0  # from the moment at which Ray has been loaded
_ASKS: Final = "InvalidAuthToken"
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
        name: what messages call it.
        own: whether it was opened here, and ends with us.
        lost: whether Ray is gone: any further word to it may end this process before its own last words.
    """

    def __init__(self, name: str, *, own: bool, cores: int | None = None) -> None:
        self.name = name
        self.own = own
        self.lost = False
        self._cores = cores

    def cores(self) -> int:
        """Cores that the nodes have which are there now."""
        return self._cores or int(ray.cluster_resources().get("CPU", 0))

    def close(self) -> None:
        """Leave it; a session that was there before us stays."""
        if self.own and not self.lost:
            with _own_signals():
                ray.shutdown()


def connect(settings: BackendSettings, cores: int, tell: Callable[[str], None] = lambda _: None) -> Session:
    """Join the cluster that the settings name, or open a session with so many cores.

    Ports and files of a session of our own are open to this machine alone. In a program that has
    joined Ray already, that session is used.

    Raises:
        BadInput: no cluster answers at the address, or it is not one that this process can join.
    """
    _be_quiet()
    if ray.is_initialized():
        return Session("the Ray session of this program", own=False)
    address = settings.address or os.environ.get("RAY_ADDRESS") or "local"
    if address == "local":
        tell("starting Ray on this machine ...")
        _open(cores)
        return Session("Ray on this machine", own=True, cores=cores)
    at_home, loopback = _whose(address)
    _probe(address, at_home=at_home, loopback=loopback)
    tell(f"joining the cluster at {address} ...")
    # The kernels' cache travels along, which Ray would leave out: equal processors need not compile again.
    excluded = _variable("RAY_OVERRIDE_RUNTIME_ENV_DEFAULT_EXCLUDES", ".git,.venv,venv")
    with _own_signals(), excluded, _loopback(stay=loopback):
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env=_luggage(settings),
        )
    return Session(f"the cluster at {address}", own=True)


def _open(cores: int) -> None:
    # Ray gives workers the lowest priority: beside anything else that computes, they would starve.
    with _own_signals(), _loopback(stay=True), _variable("RAY_worker_niceness", "0"):
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
def _loopback(*, stay: bool) -> Iterator[None]:
    """Have Ray keep a loopback address, for which it else puts one that other machines can reach."""
    constants = internals.ray_constants
    before = constants.ENABLE_RAY_CLUSTER
    # What Ray does on systems without clusters: every port on the loopback address, none outside.
    constants.ENABLE_RAY_CLUSTER = before and not stay
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before


def _whose(address: str) -> tuple[bool, bool]:
    """Whether an address is one of this machine, and whether it is its loopback address."""
    try:
        if address == "auto":
            address = services.get_ray_address_from_environment(address, None)
        host = address.rpartition(":")[0].strip("[]")
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
        with socket.socket(found[0], found[1]) as trial:
            trial.bind((found[4][0], 0))  # only to addresses of one's own
    except (OSError, IndexError):
        return False, False
    return True, ipaddress.ip_address(found[4][0]).is_loopback


def _show_token() -> None:
    """Show the token, which a head that was begun where there is one asks for.

    Every session of our own leaves one behind, but to an address that is given Ray does not show it
    unless RAY_AUTH_MODE says so; where it says so, the head must ask for it.
    """
    setup = import_module("ray._private.authentication.authentication_token_setup")
    setup.maybe_enable_token_auth_if_token_available(warn_if_disabled=False)


def _be_quiet() -> None:
    """Let nothing of Ray's own talk between our lines; what matters of it, we say."""
    logging.getLogger("ray").setLevel(logging.ERROR)
    internals.worker._worker_logs_enabled = False  # noqa: SLF001 - Ray prints deaths of workers, whatever it is told


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep the handlers that were there: Ray puts its own in their place."""
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
def _variable(name: str, value: str) -> Iterator[None]:
    """Set a variable of the environment for a while, unless it is set."""
    if name in os.environ:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


def _probe(address: str, *, at_home: bool, loopback: bool) -> None:
    """Try the address in a process of its own: Ray waits for minutes where nobody answers."""
    if address.startswith("ray://"):
        raise BadInput(
            f"--ray-address {address}: give host:port of the cluster's head, such as 10.0.0.1:6379, "
            "and search on one of its nodes; the Ray client is not used"
        )
    if address != "auto":
        _knock(address)
    said = _tried(address, loopback=loopback)
    if _ASKS in said and at_home and "RAY_AUTH_MODE" not in os.environ:
        _show_token()
        said = _tried(address, loopback=loopback)
    if _ASKS in said:
        raise BadInput(
            f"--ray-address {address}: the cluster asks for a token: set RAY_AUTH_MODE=token, "
            "and see that ~/.ray/auth_token is that of its head"
        )
    verdict, _, detail = said.strip().rpartition("\n")[2].partition(" ")
    if verdict == "late":
        raise BadInput(
            f"--ray-address {address}: no Ray cluster that lets this machine in answered within "
            f"{_PROBE_SECONDS:.0f} s; is it the port of its head (`ray start --head` prints it), "
            "and has this machine joined it (`ray start --address=...`)?"
        )
    if verdict != "cores":
        raise BadInput(f"--ray-address {address}: {_explained(detail if verdict == 'error' else said)}")


def _tried(address: str, *, loopback: bool) -> str:
    """All that comes of joining, with a verdict in the last line; nothing after the request for a token."""
    stay = {internals.ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR: "0"} if loopback else {}
    process = subprocess.Popen(  # noqa: S603 - this interpreter, and an address that is one argument
        [sys.executable, "-c", _PROBE, address],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | stay,
    )
    timer = threading.Timer(_PROBE_SECONDS, process.kill)
    said = ""
    with process:
        for line in process.stdout or ():
            said += line
            if line == "begun\n":
                timer.start()
            if _ASKS in line:
                process.kill()
                break
    timer.cancel()
    return "late" if process.returncode == -signal.SIGKILL and _ASKS not in said else said


def _knock(address: str) -> None:
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise BadInput(f"--ray-address {address}: write host:port, such as 10.0.0.1:6379, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_SECONDS).close()
    except OSError as error:
        reason = error.strerror or str(error) or "no answer"
        raise BadInput(
            f"--ray-address {address}: nobody answers there ({reason}); "
            "`ray start --head` prints the address of a cluster"
        ) from None


def _explained(detail: str) -> str:
    found = re.search(r"started with: *(.+?) *This process[^:]*: *(.+?) *(?:$|Note)", detail)
    if found:
        cluster, own = found[1].rstrip("."), found[2].rstrip(".")
        return f"the cluster runs {cluster}, and this process {own}: both must be of one version"
    if "Could not find any running Ray" in detail:
        return "no cluster runs on this machine; `ray start --head` begins one"
    return f"cannot be joined ({detail.strip()[:300] or 'for no reason given'})"


def _luggage(settings: BackendSettings) -> dict[str, Any]:
    """What nodes need of ours: the packages themselves, with what is compiled of their kernels."""
    packages = {
        "wann",
        *(entry.module.partition(".")[0] for entry in entry_points(group="wann.environments")),
    }
    folders = [Path(import_module(name).__file__ or "") for name in sorted(packages)]
    luggage: dict[str, Any] = {
        "py_modules": [str(path.parent if path.name == "__init__.py" else path) for path in folders]
    }
    if settings.install:
        luggage["pip"] = [f"{name}=={version(name)}" for name in LIBRARIES]
    return luggage
