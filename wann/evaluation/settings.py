"""Where networks are computed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..settings import Settings

__all__ = ["BackendSettings"]


class BackendSettings(Settings):
    """Where networks are computed; never shows in the result, but for one thing.

    A network that is given up because it exceeds ``limit_seconds`` or kills its worker might have come
    to its end on a faster or larger machine. Limits count a worker's processor time, so that a
    machine which is merely busy gives up nothing.

    Attributes:
        kind: ``local`` threads of this process, or processes of this machine where an environment is
            Python; or ``ray`` workers.
        workers: how many. Not given: all cores, of this machine or of the cluster as it grows and
            shrinks. Given, a cluster that scales itself is asked for as many.
        address: with ``ray``, a running cluster: ``host:port``, or ``auto`` for the one that this
            machine belongs to. Not given: ``RAY_ADDRESS``, else Ray is started on this machine alone.
        limit_seconds: processor seconds that a worker may take for a chunk (twice as many at each further
            attempt), and a local process for one call of an environment. Then it is ended and replaced, and
            what it computed is tried again.
        wall_factor: a worker or process is replaced too that has not answered for so many times
            ``limit_seconds`` on the clock, whatever its processor does.
        start_seconds: with ``ray``, how long a worker may take to start once it has a core.
        wait_seconds: with ``ray``, how long to wait while no core is free for any worker.
        attempts: with ``ray``, how often a network is tried that raises an error or exceeds the limit.
            One that kills its worker is tried four times as often, one that ends its node twice as often.
        install: with a cluster, have its nodes install the libraries that networks are computed
            with, in the versions found here; without it they must be there.
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
    def _ray_alone(self) -> BackendSettings:
        if self.kind == "local" and (self.address is not None or self.install):
            raise ValueError('address and install are for kind = "ray"')
        return self

    def elsewhere(
        self, kind: str | None = None, workers: int | None = None, address: str | None = None
    ) -> BackendSettings:
        """These settings with what is given changed; an address means Ray, another kind the defaults.

        Raises:
            BadInput: what is given does not fit together.
        """
        kind = kind or ("ray" if address else self.kind)
        kept = self if kind == self.kind else BackendSettings().changed(workers=self.workers)
        return kept.changed(kind=kind, workers=workers or kept.workers, address=address or kept.address)
