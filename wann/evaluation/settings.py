"""Settings of the backend that networks are evaluated on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..settings import Settings

__all__ = ["BackendSettings"]


class BackendSettings(Settings):
    """Where networks are evaluated, which does not influence the result, with one exception.

    A network that is given up because it exceeds ``limit_seconds`` or kills its worker might succeed on a
    faster or larger machine. Limits apply to a worker's processor time, so a machine that is merely busy
    gives up no network.

    Attributes:
        kind: ``local`` for threads of this process, or processes of this machine for environments written
            in Python; ``ray`` for Ray workers.
        workers: number of workers. If not given, all cores of this machine, or of the cluster as it grows and
            shrinks. If given, an autoscaling cluster is asked for that many.
        address: with ``ray``, a running cluster: ``host:port``, or ``auto`` for the one that this machine
            belongs to. If not given, ``RAY_ADDRESS``; without that, Ray is started on this machine only.
        limit_seconds: processor time that a Ray worker may take for a chunk (doubled at each further
            attempt), and a local process for one call of an environment. A worker that exceeds it is
            replaced, and its chunk is tried again.
        wall_factor: with ``ray``, a worker is also replaced when it has not answered for this many times
            ``limit_seconds`` by the clock, however little processor time it used.
        start_seconds: with ``ray``, how long a worker may take to start once it has a core.
        wait_seconds: with ``ray``, how long to wait while no core is available for any worker.
        attempts: with ``ray``, how often a network that raises an error or exceeds the limit is tried.
            One that kills its worker is tried four times as often, one that ends its node twice as often.
        install: with a cluster, whether its nodes install the libraries needed, in the versions of this
            machine; otherwise the libraries must be installed there.
    """

    kind: Literal["local", "ray"] = "local"
    workers: Annotated[int, Field(ge=1, le=4096)] | None = None
    address: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    limit_seconds: Annotated[float, Field(gt=0, le=1e6)] = 120.0
    wall_factor: Annotated[float, Field(ge=1, le=1e6)] = 10.0
    start_seconds: Annotated[float, Field(gt=0, le=1e6)] = 300.0
    wait_seconds: Annotated[float, Field(gt=0, le=1e6)] = 20.0
    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    install: bool = False

    @model_validator(mode="after")
    def _ray_only(self) -> BackendSettings:
        if self.kind == "local" and (self.address is not None or self.install):
            raise ValueError('address and install are for kind = "ray"')
        return self

    def elsewhere(
        self, kind: str | None = None, workers: int | None = None, address: str | None = None
    ) -> BackendSettings:
        """These settings with the given changes.

        An address implies ``ray``; a change of ``kind`` resets all settings but ``workers``.

        Raises:
            BadInput: the changes contradict each other.
        """
        kind = kind or ("ray" if address else self.kind)
        kept = self if kind == self.kind else BackendSettings().changed(workers=self.workers)
        return kept.changed(kind=kind, workers=workers or kept.workers, address=address or kept.address)
