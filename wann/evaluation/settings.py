"""Where networks are computed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..settings import Settings

__all__ = ["BackendSettings"]


class BackendSettings(Settings):
    """Where networks are computed; never shows in the result.

    Attributes:
        kind: ``local`` threads of this process, or processes of this machine where an environment is
            Python; or ``ray`` workers.
        workers: how many. Not given: all cores, of this machine or of the cluster as it grows and
            shrinks. Given, a cluster that scales itself is asked for as many.
        address: with ``ray``, a running cluster: ``host:port``, or ``auto`` for the one that this
            machine belongs to. Not given: ``RAY_ADDRESS``, else Ray is started on this machine alone.
        limit_seconds: a process that is busy for longer within one call of an environment, or silent for
            five times as long, is ended and replaced; with ``ray``, a worker that is silent for longer while
            it computes. What it computed is tried again.
        wait_seconds: with ``ray``, how long to wait while there is no worker at all.
        attempts: with ``ray``, how often a network is tried that raises an error or exceeds the limit.
        install: with a cluster, have its nodes install the libraries that networks are computed
            with, in the versions found here; without it they must be there.
    """

    kind: Literal["local", "ray"] = "local"
    workers: Annotated[int, Field(ge=1, le=4096)] | None = None
    address: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    limit_seconds: Annotated[float, Field(gt=0, le=1e6)] = 120.0
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
