"""Spec to Graph: each stage becomes nodes, and names become links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .catalog.pinned import Catalog
from .diagnostics import Diagnostic, Path, Place, did_you_mean
from .graph import Asset, Graph, Link, Node, Value
from .spec.changes import Reference
from .spec.pipeline import RawNode, Spec, Step
from .stages.models import Checkpoint, DiffusionModel
from .stages.sampling import load_model
from .stages.site import HOLE, UNKNOWN_NAME, UNTOLD, WRONG_KIND, Flow, Latent, Pixels, Site, Workshop


def lower(spec: Spec, catalog: Catalog, findings: list[Diagnostic]) -> Graph:
    """The graph of a spec, its nodes in the order of the stages. What is wrong is added to `findings`."""
    return _Lowering(spec, catalog, findings).graph()


@dataclass
class _Lowering:
    spec: Spec
    catalog: Catalog
    findings: list[Diagnostic]

    def graph(self) -> Graph:
        self.workshop = Workshop(self.spec.models, self.spec.document.place, findings=self.findings)
        self.raw = {node.name: node for node in self.spec.nodes}
        self.flows: dict[str, Flow] = {}
        self.sites: dict[str, Site] = {}
        before: Flow | None = None
        for step in self.spec.steps:
            before = self._stage(step, before)
        for node in self.spec.nodes:
            self._node(node)
        return Graph(self.workshop.nodes)

    def _stage(self, step: Step, before: Flow | None) -> Flow:
        if step.block is None:
            self.flows[step.name] = Pixels(HOLE)
            return Pixels(HOLE)
        wanted = step.block.from_
        given = before if wanted is None else self._taken(step, wanted)
        site = Site(step.name, step.path, given, self.workshop)
        flow = step.block.lower(site)
        self.flows[step.name] = flow
        self.sites[step.name] = site
        return flow

    def _taken(self, step: Step, wanted: str) -> Flow:
        """What `from` names: a stage before this one, or a node's output."""
        name, _, output = wanted.removeprefix("$").partition(".")
        if name in self.flows:
            return self.flows[name]
        place = self.spec.document.place((*step.path, "from"))
        if name not in self.raw:
            help = did_you_mean(name, [*self.flows, *self.raw], "stages and nodes before this one")
            self.findings.append(UNKNOWN_NAME.at(place, f'nothing before this stage is named "{name}"', help))
            return Pixels(HOLE)
        link = self._slot(self.raw[name], output or None, place)
        return Latent(link, None) if self._type_of(self.raw[name], link.output) == "LATENT" else Pixels(link)

    def _type_of(self, node: RawNode, slot: int) -> str:
        declared = self.catalog.get(node.type)
        return declared.outputs[slot].type if declared and slot < len(declared.outputs) else "*"

    def _slot(self, node: RawNode, output: str | None, place: Place) -> Link:
        """A node's output by name, type or number; its first, where none is named."""
        if output is None:
            return Link(node.name, 0)
        declared = self.catalog.get(node.type)
        if output.isdigit():
            return Link(node.name, int(output))
        index = declared.output_index(output) if declared else None
        if index is None:
            known = [o.name for o in declared.outputs] if declared else []
            help = did_you_mean(output, known, "outputs") if declared else "name it by its number, such as .0"
            self.findings.append(UNKNOWN_NAME.at(place, f'"{node.name}" has no output "{output}"', help))
            return HOLE
        return Link(node.name, index)

    def _node(self, raw: RawNode) -> None:
        place = self.spec.document.place
        inputs: dict[str, Value] = {}
        for name, value in raw.inputs.items():
            inputs[name] = self._value(raw, name, value)
        self.workshop.nodes[raw.name] = Node(
            raw.name,
            raw.type,
            inputs,
            raw.name,
            raw.name,
            (place(raw.path, key=True),),
            {name: place((*raw.path, name)) for name in inputs},
        )

    def _value(self, raw: RawNode, name: str, value: Any) -> Value:
        path: Path = (*raw.path, name)
        if isinstance(value, Reference):
            return self._referred(raw, name, value, self.spec.document.place(path))
        declared = self.catalog.get(raw.type)
        wanted = declared.inputs.get(name) if declared else None
        if isinstance(value, Asset) and wanted is not None and wanted.takes_link:
            role = f"{name}"
            return self.workshop.add(raw.name, path, role, "LoadImage", {"image": value}, {"image": ()})
        literal: Value = value
        return literal

    def _referred(self, raw: RawNode, name: str, wanted: Reference, place: Place) -> Link:
        """The output that a reference means, decoded or encoded where the input wants it otherwise."""
        if wanted.name in self.raw:
            return self._slot(self.raw[wanted.name], wanted.output, place)
        if wanted.name in self.flows:
            declared = self.catalog.get(raw.type)
            kind = declared.inputs[name].type if declared and name in declared.inputs else "*"
            return self._of_stage(raw, wanted, kind, place)
        if wanted.name in self.spec.models:
            return self._of_model(wanted, place)
        return HOLE  # a stage that could not be read; a finding has said why

    def _of_stage(self, raw: RawNode, wanted: Reference, kind: str, place: Place) -> Link:
        flow = self.flows[wanted.name]
        output = wanted.output or {"IMAGE": "image", "LATENT": "latent"}.get(kind)
        if output not in (None, "image", "latent"):
            self.findings.append(
                UNKNOWN_NAME.at(place, f'a stage has no output "{output}"', "its outputs are image and latent")
            )
            return HOLE
        if output == "image":
            return Site(raw.name, raw.path, flow, self.workshop).pixels()
        if output == "latent" and isinstance(flow, Pixels):
            self.findings.append(
                UNTOLD.at(
                    place,
                    f'"{wanted.name}" gives a picture, and a latent is wanted here',
                    "encode it with a VAEEncode node first",
                )
            )
            return HOLE
        return flow.link

    def _of_model(self, wanted: Reference, place: Place) -> Link:
        block = self.spec.models[wanted.name]
        if not isinstance(block, Checkpoint | DiffusionModel):
            self.findings.append(
                WRONG_KIND.at(
                    place,
                    f'"{wanted.name}" is {block.kind}; only a diffusion model or checkpoint can be wired by name',
                    "load it with a node of its own",
                )
            )
            return HOLE
        links = load_model(Site(wanted.name, ("models", wanted.name), None, self.workshop), wanted.name, block)
        found: Mapping[str, Link] = {"model": links.model, "clip": links.clip, "vae": links.vae} if links else {}
        if links and (wanted.output or "model") not in found:
            self.findings.append(
                UNKNOWN_NAME.at(
                    place, f'a model has no output "{wanted.output}"', "its outputs are model, clip and vae"
                )
            )
        return found.get(wanted.output or "model", HOLE)
