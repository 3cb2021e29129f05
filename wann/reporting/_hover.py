"""An HTML page with a topology as SVG, whose nodes show their name and connections on hover."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from typing import Final

from ..activations import BY_NAME
from ..network import Network
from ._style import plain

__all__ = ["hover_page"]

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light; }}
body {{ margin: 0; font: 15px/1.5 system-ui, sans-serif; color: #22303f; background: #f4f6f8; }}
main {{ margin: 1.5rem auto; width: fit-content; max-width: calc(100vw - 5rem); padding: 1rem;
  background: #fff; border-radius: 10px; box-shadow: 0 1px 4px #0002; overflow-x: auto; }}
svg {{ display: block; max-width: 100%; height: auto; }}
svg text {{ pointer-events: none; }}
[id^="node-"] {{ cursor: pointer; outline: none; }}
[id^="node-"], [id^="edge-"] {{ transition: opacity 0.12s; }}
[id^="edge-"] {{ pointer-events: none; }}
svg.focus [id^="node-"]:not(.on) {{ opacity: 0.25; }}
svg.focus [id^="edge-"]:not(.on) {{ opacity: 0.1; }}
svg.focus [id^="edge-"].on path {{ opacity: 1 !important; stroke-width: 1.6px !important; }}
svg.focus [id^="edge-"].in path {{ stroke: #2c6fbb !important; }}
svg.focus [id^="edge-"].out path {{ stroke: #d1495b !important; }}
#tip {{ position: fixed; display: none; padding: 0.4rem 0.7rem; border-radius: 6px; white-space: pre;
  background: #22303f; color: #fff; font-size: 13px; pointer-events: none; }}
</style>
</head>
<body>
<main>
{svg}
</main>
<div id="tip" role="status"></div>
<script type="application/json" id="network">{data}</script>
<script>
{script}
</script>
</body>
</html>
"""

_SCRIPT: Final = """"use strict";
const { nodes, edges } = JSON.parse(document.getElementById("network").textContent);
const svg = document.querySelector("svg");
const tip = document.getElementById("tip");
const at = (kind, index) => document.getElementById(`${kind}-${index}`);

function clear() {
  svg.classList.remove("focus");
  svg.querySelectorAll(".on").forEach((part) => part.classList.remove("on", "in", "out"));
  tip.style.display = "none";
}

function focus(node, part) {
  clear();
  svg.classList.add("focus");
  part.classList.add("on");
  let arriving = 0, leaving = 0;
  edges.forEach(([source, target], index) => {
    if (source !== node && target !== node) return;
    const arrives = target === node;
    arrives ? arriving++ : leaving++;
    at("edge", index).classList.add("on", arrives ? "in" : "out");
    at("node", arrives ? source : target).classList.add("on");
  });
  const [name, activation] = nodes[node];
  tip.textContent = `${name}\\n${activation}\\n${arriving} in, ${leaving} out`;
  const box = part.getBoundingClientRect();
  tip.style.display = "block";
  tip.style.left = `${Math.min(box.right + 10, innerWidth - tip.offsetWidth - 10)}px`;
  tip.style.top = `${Math.max(box.top - tip.offsetHeight - 6, 6)}px`;
}

nodes.forEach(([name], node) => {
  const part = at("node", node);
  part.setAttribute("tabindex", "0");
  part.setAttribute("aria-label", name);
  for (const event of ["pointerenter", "focus"]) part.addEventListener(event, () => focus(node, part));
  for (const event of ["pointerleave", "blur"]) part.addEventListener(event, clear);
});
"""


def hover_page(network: Network, svg: str, names: Sequence[str], title: str | None) -> str:
    """A self-contained HTML page; the parts of ``svg`` have the ids ``node-0``, ``edge-0``, ...

    Without names nothing responds to the pointer.
    """
    nodes = [[name, _described(network, node)] for node, name in enumerate(names)]
    edges = list(zip(network.source.tolist(), network.target.tolist(), strict=True)) if names else []
    return _PAGE.format(
        title=html.escape(plain(title) if title else "Network"),
        svg=svg,
        data=_in_script({"nodes": nodes, "edges": edges}),
        script=_SCRIPT,
    )


def _described(network: Network, node: int) -> str:
    if node <= network.inputs:
        return network.kind(node)
    activation = BY_NAME[network.activation_name(node)]
    return f"{network.kind(node)}, {activation.name}: {activation.formula}"


def _in_script(value: object) -> str:
    """JSON that cannot end the script element that contains it."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
