"""The limit for comparison: one network and its environment as straight-line C.

Every node becomes one expression over all lanes, constants become literals, and the compiler may
reorder (``-ffast-math``): an interpreter of networks can hardly be faster. The activations are the
polynomials of ``wann.kernels.elementary``, with the coefficients read from there.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from ..kernels import elementary
from ..kernels.lanes import LANES
from ..network import Network

__all__ = ["FLAGS", "LAYOUTS", "CompilerMissing", "StraightLine", "write_source"]

FLAGS: Final = ("-O3", "-march=native", "-ffast-math", "-fPIC")
LAYOUTS: Final = ("nodes", "lanes")
"""``nodes``: a loop over the lanes for each node; ``lanes``: one such loop around all nodes."""
_SECONDS: Final = 300.0

_FUNCTIONS: Final = """
#define INLINE static inline __attribute__((always_inline))
INLINE float at_least(float x, float low) { return x < low ? low : x; }
INLINE float at_most(float x, float high) { return x > high ? high : x; }
INLINE float linear(float x) { return x; }
INLINE float step(float x) { return x > 0.0f ? 1.0f : 0.0f; }
INLINE float inverse(float x) { return -x; }
INLINE float absolute(float x) { return __builtin_fabsf(x); }
INLINE float relu(float x) { return at_least(x, 0.0f); }
INLINE float square(float x) { return x * x; }
INLINE float sin_pi(float x) {
    float whole = __builtin_rintf(x), r = x - whole, z = r * r;
    float odd = whole - 2.0f * __builtin_rintf(whole * 0.5f);
    float p = (((S9 * z + S7) * z + S5) * z + S3) * z + S1;
    return r * p * (1.0f - 2.0f * absolute(odd));
}
INLINE float cos_pi(float x) { return sin_pi(x + 0.5f); }
INLINE float sine(float x) { return sin_pi(x * PER_PI); }
INLINE float cosine(float x) { return cos_pi(x * PER_PI); }
INLINE float power_of_two(float whole) {
    union { int bits; float number; } both;
    both.bits = ((int)whole + 127) << 23;
    return both.number;
}
INLINE float gaussian(float x) {
    float clamped = at_most(at_least(x * x * GAUSSIAN, EXPONENT_LOW), EXPONENT_HIGH);
    float whole = __builtin_rintf(clamped), r = clamped - whole;
    float p = ((((E5 * r + E4) * r + E3) * r + E2) * r + E1) * r + 1.0f;
    return p * power_of_two(whole);
}
INLINE float hyperbolic(float x) {
    float clamped = at_most(at_least(x, TANH_LOW), TANH_HIGH), z = clamped * clamped;
    float p = (((T9 * z + T7) * z + T5) * z + T3) * z + T1;
    float q = (((U8 * z + U6) * z + U4) * z + U2) * z + 1.0f;
    return clamped * p / q;
}
INLINE float sigmoid(float x) { return 0.5f * hyperbolic(x * 0.5f) + 0.5f; }
"""
_CALLS: Final = {
    1: "linear",
    2: "step",
    3: "sin_pi",
    4: "gaussian",
    5: "hyperbolic",
    6: "sigmoid",
    7: "inverse",
    8: "absolute",
    9: "relu",
    10: "cos_pi",
    11: "square",
}

# The same operations as in the kernel of the environment; an episode that has ended receives no reward.
_ENVIRONMENT: Final = """
    float push = at_most(at_least({action}, -1.0f), 1.0f) * force - velocity[l] * friction;
    float total = cart_mass + pole_mass, s = sines[l], c = cosines[l];
    float swing = spin[l] * spin[l] * s * (pole_mass * pole_length);
    float weight = s * gravity, bottom = 4.0f * total - c * c * (3.0f * pole_mass);
    float cart = weight * c * (3.0f * pole_mass) - swing * 2.0f + push * 4.0f;
    float pole = weight * (6.0f * total) - swing * c * 3.0f + push * c * 6.0f;
    x[l] += velocity[l] * seconds;
    angle[l] += spin[l] * seconds;
    velocity[l] += cart / bottom * seconds;
    spin[l] += pole / (bottom * pole_length) * seconds;
    sines[l] = sine(angle[l]);
    cosines[l] = cosine(angle[l]);
    totals[l] += alive[l] * ((cosines[l] + 1.0f) * 0.5f * cos_pi(x[l] * (0.5f / track)));
    counts[l] += alive[l];
    alive[l] *= absolute(x[l]) > track ? 0.0f : 1.0f;
    left += alive[l];
"""

_MAIN: Final = """
#define ROW float __attribute__((aligned(32)))
#define EACH for (int l = 0; l < {lanes}; l++)
void play(int limit, const float *weights, const float *starts, double *returns, int *lengths) {{
  ROW w[{lanes}]; ROW x[{lanes}]; ROW velocity[{lanes}]; ROW angle[{lanes}]; ROW spin[{lanes}];
  ROW sines[{lanes}]; ROW cosines[{lanes}]; ROW alive[{lanes}];
  ROW totals[{lanes}]; ROW counts[{lanes}];
  EACH {{
    w[l] = weights[l]; x[l] = starts[4 * l]; velocity[l] = starts[4 * l + 1];
    angle[l] = starts[4 * l + 2]; spin[l] = starts[4 * l + 3];
    sines[l] = sine(angle[l]); cosines[l] = cosine(angle[l]);
    alive[l] = 1.0f; totals[l] = 0.0f; counts[l] = 0.0f;
  }}
  for (int t = 0; t < limit; t++) {{
    float left = 0.0f;
{body}
    if (left == 0.0f) break;
  }}
  EACH {{ returns[l] = totals[l]; lengths[l] = (int)counts[l]; }}
}}
"""


class CompilerMissing(RuntimeError):
    """There is no C compiler, or it rejects the program."""


def write_source(network: Network, physics: Mapping[str, Any], layout: str = "nodes") -> str:
    """The C program of a swing-up network of one output.

    Args:
        network: the network; a shared weight is an argument of the program.
        physics: the constants of the environment by name.
        layout: one of ``LAYOUTS``.
    """
    coefficients = {
        name.removeprefix("_"): value
        for name, value in vars(elementary).items()
        if isinstance(value, np.float32)
    }
    constants = coefficients | {"seconds" if name == "step" else name: physics[name] for name in physics}
    lines = [f"static const float {name} = {_literal(value)};" for name, value in constants.items()]
    at = "[l]" if layout == "nodes" else ""
    nodes = _nodes(network, at)
    environment = _ENVIRONMENT.format(action=f"v{1 + network.inputs}{at}")
    if layout == "nodes":
        loops = [f"    ROW {name}[{LANES}]; EACH {name}[l] = {value};" for name, value in nodes]
        body = "\n".join([*loops, "    EACH {" + environment + "    }"])
    else:
        values = [f"    float {name} = {value};" for name, value in nodes]
        body = "\n".join(["    EACH {", *values, environment + "    }"])
    return "\n".join(lines) + _FUNCTIONS + _MAIN.format(lanes=LANES, body=body)


def _literal(value: Any) -> str:
    return float(value).hex() + "f"


def _nodes(network: Network, at: str) -> list[tuple[str, str]]:
    """Names and expressions of outputs and hidden nodes, in topological order."""
    graph, fixed = network.graph(), 1 + network.inputs
    observed = ("1.0f", "x[l]", "velocity[l]", "cosines[l]", "sines[l]", "spin[l]")
    written = []
    for node in nx.topological_sort(graph):
        if node < fixed:
            continue
        terms = [
            observed[source] if source < fixed else f"v{source}{at}"
            for source in sorted(graph.predecessors(node))
        ]
        call = _CALLS[int(network.activation[node - fixed])]
        written.append((f"v{node}", f"{call}(({' + '.join(terms) or '0.0f'}) * w[l])"))
    return written


@dataclass(frozen=True)
class StraightLine:
    """A compiled program that computes LANES episodes at once."""

    _play: Any

    @classmethod
    def of(cls, network: Network, physics: Mapping[str, Any], layout: str = "nodes") -> StraightLine:
        """Compile and load the program of a network.

        Raises:
            CompilerMissing: there is no ``cc``, or it fails.
        """
        with tempfile.TemporaryDirectory() as folder:
            library = build(write_source(network, physics, layout), Path(folder))
            # The library stays mapped after its file is deleted.
            function = ctypes.CDLL(str(library)).play
        floats, doubles, integers = (
            np.ctypeslib.ndpointer(kind, flags="C_CONTIGUOUS") for kind in (np.float32, np.float64, np.int32)
        )
        function.argtypes = [ctypes.c_int, floats, floats, doubles, integers]
        function.restype = None
        return cls(function)

    def __call__(
        self,
        limit: int,
        weights: NDArray[np.float32],
        starts: NDArray[np.float32],
        returns: NDArray[np.float64],
        lengths: NDArray[np.int32],
    ) -> None:
        """Compute episodes from ``starts`` float32[LANES, 4] with shared ``weights`` float32[LANES].

        ``returns`` float64[LANES] and ``lengths`` int32[LANES] receive the returns and the numbers of steps.
        """
        self._play(limit, weights, starts, returns, lengths)


def build(source: str, folder: Path) -> Path:
    """The shared library compiled from a C program.

    Raises:
        CompilerMissing: there is no ``cc``, or it fails.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        raise CompilerMissing("there is no C compiler (cc)")
    program, unlinked, library = (folder / f"network.{suffix}" for suffix in ("c", "o", "so"))
    program.write_text(source, encoding="utf-8")
    # Linked separately: gcc puts startup code into a library linked with -ffast-math that switches off
    # denormal numbers in the whole process which loads it.
    commands = (
        [compiler, *FLAGS, "-c", str(program), "-o", str(unlinked)],
        [compiler, "-shared", str(unlinked), "-o", str(library)],
    )
    try:
        for command in commands:
            subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise CompilerMissing(f"the C compiler (cc) failed ({type(error).__name__})") from None
    return library
