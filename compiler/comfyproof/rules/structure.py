"""Rules on nodes and links: does every node exist, and does every link hold?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..catalog.nodes import Input, NodeType
from ..catalog.pinned import Catalog, built_in
from ..catalog.widgets import AUTOGROW, DYNAMIC_COMBO, NEWER, OLDER
from ..diagnostics import NotExamined, Removed, Severity, did_you_mean, edit_distance, nearest
from ..graph import Graph, Link, Node
from .rule import Problem, Remedy, kept, known, rule
from .values import shown, spelled

_MOST_NAMED = 4
# Names that writers of workflows give to what ComfyUI calls otherwise.
_MEANT = {
    "ImageToLatent": "VAEEncode",
    "LatentToImage": "VAEDecode",
    "TextEncode": "CLIPTextEncode",
    "TextToConditioning": "CLIPTextEncode",
    "LoadCheckpoint": "CheckpointLoaderSimple",
    "LoadVAE": "VAELoader",
    "LoadLora": "LoraLoader",
    "LoadUNET": "UNETLoader",
    "LoadUpscaleModel": "UpscaleModelLoader",
}


@rule("CP301", "unknown-node", Severity.ERROR, of_all=True)
def unknown_node(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A node is of a class that no server of this catalog has.

    A server refuses the whole prompt then, also where the node feeds no output. With the built-in
    catalog a class that is only unknown is not examined: it may come from one of the many node
    packs that the catalog lacks. One that is within two letters of a known class is an error.

    Source: ComfyUI 0.3.64, `validate_prompt` in `execution.py`.

    Bad:

        nodes: {soft: {ImageBlurr: {image: $load}}}

    Good:

        nodes: {soft: {ImageBlur: {image: $load}}}
    """
    for node in graph.nodes.values():
        if node.type in catalog.raw:
            continue
        what = f'node "{node.title or node.id}" of the class "{node.type}"'
        if node.type in catalog.left_out:
            reason = "the catalog describes it in a way that cannot be read"
            yield NotExamined(what, reason, kind="node", node=node.id)
            continue
        near = nearest(node.type, catalog.names())
        if not catalog.complete and not (near and edit_distance(near.casefold(), node.type.casefold()) <= 2):
            yield NotExamined(
                what,
                "the built-in catalog does not have it; pin yours with: comfyproof catalog pin URL",
                kind="node",
                node=node.id,
            )
            continue
        help = _pack_of(node.type) or (f'did you mean "{near}"?' if near else "")
        remedy = spelled(node.type, catalog.names())
        yield Problem(node, None, f'there is no node "{node.type}"', help, remedy=remedy)


@rule("CP302", "undeclared-input", Severity.ERROR)
def undeclared_input(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A node is given an input that its class does not declare.

    With a link there the node fails when it runs. A plain value a server ignores, and with it what was meant: an
    input of nearly that name, which the node is not given. This is about the classes of the built-in catalog, of
    which it is known that they take no others; for those of other node packs there is CP308, and CP314 for plain
    values that are like no input.

    Source: ComfyUI 0.3.64, `get_input_data` in `execution.py`; seen on a server.

    Bad:

        nodes: {soft: {ImageBlur: {image: $load, radius: 3}}}

    Good:

        nodes: {soft: {ImageBlur: {image: $load, blur_radius: 3}}}
    """
    for node, name, meant in kept(graph, catalog, _undeclared):
        if node.type in built_in().raw and (meant or isinstance(node.inputs[name], Link)):
            yield _no_such_input(node, name, catalog)


@rule("CP303", "missing-input", Severity.ERROR)
def missing_input(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A required input is missing, and its class declares no default for it.

    Source: ComfyUI 0.3.64, `validate_inputs` in `execution.py` ("required_input_missing").

    Bad:

        nodes: {soft: {ImageBlur: {blur_radius: 3}}}

    Good:

        nodes: {soft: {ImageBlur: {image: $load, blur_radius: 3}}}
    """
    for node, wanted in kept(graph, catalog, _left_out):
        if wanted.default is None and wanted.type not in _GROWING:
            message = f'"{node.type}" needs the input "{wanted.name}", {_kind(wanted)}'
            yield Problem(node, None, message, f'add "{wanted.name}"')


@rule("CP304", "link-type", Severity.ERROR)
def link_type(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A link joins an output to an input of another type.

    Types are compared as a server compares them: equal, or with a type in common where one side lists
    several. INT does not pass for FLOAT.

    Source: ComfyUI 0.3.64, `validate_node_input` in `comfy_execution/validation.py`.

    Bad:

        nodes: {red: {ImageToMask: {image: $load, channel: red}}, soft: {ImageBlur: {image: $red}}}

    Good:

        nodes: {red: {ImageToMask: {image: $load, channel: red}}, soft: {ImageBlur: {image: $load}}}
    """
    givers: dict[str, list[Node]] = {}
    for node, declared in known(graph, catalog):
        for name, link in node.inputs.items():
            if type(link) is not Link:
                continue
            producer = catalog.get(graph.nodes[link.node].type) if link.node in graph.nodes else None
            wanted = declared.inputs.get(name)
            if producer is None or wanted is None or not 0 <= link.output < len(producer.outputs):
                continue
            given = producer.outputs[link.output].type
            if not _fits(given, wanted.type):
                givers = givers or _givers(graph, catalog)
                yield Problem(
                    node,
                    name,
                    f'"{name}" of "{node.type}" takes {wanted.type}, and "{producer.name}" gives {given}',
                    _other_output(producer, wanted.type) or _other_node(givers, node, wanted.type),
                )


@rule("CP305", "dangling-link", Severity.ERROR)
def dangling_link(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A link comes from a node that is not there, or from an output that its class does not have.

    A server refuses it; but where the input that takes it is none that the class declares, it accepts the prompt, and
    its worker ends over it, for everybody, until it is started again.

    Source: ComfyUI 0.3.64, `validate_inputs` in `execution.py`; seen on a server.

    Bad:

        nodes: {soft: {ImageBlur: {image: $sharp.7}}, sharp: {ImageSharpen: {image: $load}}}

    Good:

        nodes: {soft: {ImageBlur: {image: $sharp.0}}, sharp: {ImageSharpen: {image: $load}}}
    """
    for node in graph.nodes.values():
        for name, link in node.inputs.items():
            if type(link) is not Link or not link.node:  # no node is a hole: a finding has said why
                continue
            if link.node not in graph.nodes:
                declared = catalog.get(node.type)
                deadly = declared is not None and name not in declared.inputs
                end = ": a server takes the prompt, and stops working over it" if deadly else ""
                message = f'"{name}" takes from the node "{link.node}", which is not there{end}'
                yield Problem(node, name, message, "name a node that is")
                continue
            producer = catalog.get(graph.nodes[link.node].type)
            if producer is not None and not 0 <= link.output < len(producer.outputs):
                count = len(producer.outputs)
                yield Problem(
                    node,
                    name,
                    f'"{producer.name}" has {count} output{"s" if count != 1 else ""}, and "{name}" takes '
                    f"its number {link.output}",
                    "count them from 0",
                )


@rule("CP306", "cycle", Severity.ERROR)
def cycle(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """Nodes feed each other in a circle, so that none of them can run.

    A server drops the outputs behind a cycle without naming it.

    Source: ComfyUI 0.3.64, `validate_inputs` in `execution.py`; seen on a server.

    Bad:

        nodes: {soft: {ImageBlur: {image: $sharp}}, sharp: {ImageSharpen: {image: $soft}}}

    Good:

        nodes: {soft: {ImageBlur: {image: $load}}, sharp: {ImageSharpen: {image: $soft}}}
    """
    ordered = set(graph.order)
    left = {id: n for n, id in enumerate(graph.nodes) if id not in ordered}
    if not left:
        return
    import networkx

    # Edges in the graph's own order: the view's sets would name another link of the circle every time.
    feeds = networkx.DiGraph((producer, id) for id in left for producer in graph.producers(id) if producer in left)
    circles = [c for c in networkx.strongly_connected_components(feeds) if len(c) > 1 or feeds.has_edge(*c, *c)]
    for component in sorted(circles, key=lambda c: min(left[id] for id in c)):
        edges = networkx.find_cycle(feeds.subgraph(component), min(component, key=left.__getitem__))
        names = " -> ".join(f'"{graph.nodes[id].title or id}"' for id in [edges[0][0], *(edge[1] for edge in edges)])
        taker = graph.nodes[edges[0][1]]
        link = next(name for name, link in taker.links() if link.node == edges[0][0])
        message = f"these nodes feed each other in a circle: {names}"
        yield Problem(taker, link, message, "take one of these links from a node outside the circle")


@rule("CP307", "no-output", Severity.ERROR, of_all=True)
def no_output(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """Nothing in the pipeline keeps or shows a picture, so that a server has nothing to do and refuses it.

    Source: ComfyUI 0.3.64, `validate_prompt` in `execution.py` ("prompt_no_outputs").

    Bad:

        stages: [{load: {image: $image}}]

    Good:

        stages: [{load: {image: $image}}, {save: {prefix: kept}}]
    """
    types = [catalog.get(node.type) for node in graph.nodes.values()]
    if graph.nodes and all(declared is not None and not declared.is_output for declared in types):
        last = list(graph.nodes.values())[-1]
        if any(node.stage for node in graph.nodes.values()):
            yield Problem(last, None, "no stage saves or shows anything", 'add "- save: {}"')
        else:
            help = 'add one that does, such as "SaveImage", or take it out of mute'
            yield Problem(last, None, "no node saves or shows anything", help)


@rule("CP308", "perhaps-undeclared-input", Severity.WARNING)
def perhaps_undeclared_input(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A node of another node pack is given an input that its class does not declare.

    Some packs have classes that take more inputs than they declare, one for every link that an editor adds.
    With any other class it is a misspelling, which a server ignores or fails over; the catalog cannot tell
    the two apart.

    Source: ComfyUI 0.3.64, `get_input_data` in `execution.py`, which takes links to any input and values to those
    declared.

    Bad:

        nodes: {soft: {PackImageBlur: {image: $load, radius: 3}}}

    Good:

        nodes: {soft: {PackImageBlur: {image: $load, blur_radius: 3}}}
    """
    for node, name, _ in kept(graph, catalog, _undeclared):
        if node.type not in built_in().raw:
            yield _no_such_input(node, name, catalog)


@rule("CP314", "ignored-value", Severity.WARNING)
def ignored_value(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A node is given a plain value that its class does not declare, and a server ignores it.

    It may be left from another version of the class, or be meant for something that the class cannot do. The server
    still takes it for part of the node when it looks in its cache.

    Source: ComfyUI 0.3.64, `get_input_data` in `execution.py`, `get_immediate_node_signature` in
    `comfy_execution/caching.py`.

    Bad:

        nodes: {soft: {ImageBlur: {image: $load, blur_radius: 3, passes: 2}}}

    Good:

        nodes: {soft: {ImageBlur: {image: $load, blur_radius: 3}}}
    """
    for node, name, meant in kept(graph, catalog, _undeclared):
        if node.type in built_in().raw and not meant and not isinstance(node.inputs[name], Link):
            said = _no_such_input(node, name, catalog)
            yield said._replace(help=said.help or "take it out", remedy=Remedy(Removed, safe=True))


@rule("CP315", "left-out-input", Severity.WARNING)
def left_out_input(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A node of a workflow in ComfyUI's API form is not given what its class requires, though that has a default.

    The default is for the editor, which writes it down. A server does not: it refuses the prompt. A run by comfyproof
    fills it in, and so does a spec, in which nothing has to be said that has a default.

    Source: ComfyUI 0.3.64, `validate_inputs` in `execution.py` ("required_input_missing").

    Bad:

        {
          "1": {"class_type": "EmptyImage", "inputs": {"width": 512, "height": 512, "batch_size": 1}},
          "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "kept"}}
        }

    Good:

        {
          "1": {"class_type": "EmptyImage", "inputs": {"width": 512, "height": 512, "batch_size": 1, "color": 0}},
          "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "kept"}}
        }
    """
    left_out: dict[str, list[Input]] = {}
    for node, wanted in kept(graph, catalog, _left_out):
        if wanted.default is not None and node.origins and node.origins[0].path[-1:] == ("class_type",):
            left_out.setdefault(node.id, []).append(wanted)
    for node, name, meant in kept(graph, catalog, _undeclared) if left_out else ():
        if meant and node.id in left_out:  # a misspelled name is not a missing one
            near = nearest(name, [wanted.name for wanted in left_out[node.id]])
            left_out[node.id] = [wanted for wanted in left_out[node.id] if wanted.name != near]
    for id, missing in left_out.items():
        if not missing:
            continue
        names = ", ".join(f'"{wanted.name}"' for wanted in missing[:_MOST_NAMED])
        more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
        message = f'"{graph.nodes[id].type}" is not given {names}{more}, without which a server refuses it'
        first = missing[0]
        yield Problem(graph.nodes[id], None, message, f'add "{first.name}"; its default is {shown(first.default)}')


@rule("CP316", "class-of-another-name", Severity.WARNING, of_all=True)
def class_of_another_name(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A class that ComfyUI does not have, and by whose name one would look for one that it has.

    The name says what is meant: "ImageToLatent" for what VAEEncode does. A node pack may have a class of that name;
    without one a server refuses the whole prompt. Said with the built-in catalog only, which knows few packs.

    Source: the classes of ComfyUI 0.3.64.

    Bad:

        {
          "1": {"class_type": "LoadImage", "inputs": {"image": "photograph.jpg"}},
          "2": {"class_type": "VAELoader", "inputs": {"vae_name": "ae.safetensors"}},
          "3": {"class_type": "ImageToLatent", "inputs": {"image": ["1", 0]}},
          "4": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["2", 0]}},
          "5": {"class_type": "SaveImage", "inputs": {"images": ["4", 0], "filename_prefix": "kept"}}
        }

    Good:

        {
          "1": {"class_type": "LoadImage", "inputs": {"image": "photograph.jpg"}},
          "2": {"class_type": "VAELoader", "inputs": {"vae_name": "ae.safetensors"}},
          "3": {"class_type": "VAEEncode", "inputs": {"pixels": ["1", 0], "vae": ["2", 0]}},
          "4": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["2", 0]}},
          "5": {"class_type": "SaveImage", "inputs": {"images": ["4", 0], "filename_prefix": "kept"}}
        }
    """
    for node in graph.nodes.values():
        meant = _MEANT.get(node.type) if node.type not in catalog.raw and not catalog.complete else None
        declared = catalog.get(meant) if meant else None
        if declared is not None:
            needed = [name for name, wanted in declared.inputs.items() if wanted.required]
            message = f'ComfyUI 0.3.64 has no "{node.type}"; what it has for that is "{meant}"'
            yield Problem(node, None, message, f'use "{meant}", which takes {" and ".join(needed)}')


STRUCTURE_RULES = (
    unknown_node,
    undeclared_input,
    missing_input,
    link_type,
    dangling_link,
    cycle,
    no_output,
    perhaps_undeclared_input,
    ignored_value,
    left_out_input,
    class_of_another_name,
)


def _pack_of(name: str) -> str:
    """Help where the built-in catalog knows which node pack a class comes with."""
    module = str((built_in().raw.get(name) or {}).get("python_module", ""))
    pack = module.removeprefix("custom_nodes.") if module.startswith("custom_nodes.") else ""
    return f'install the node pack "{pack}" on the server' if pack else ""


def _left_out(graph: Graph, catalog: Catalog) -> list[tuple[Node, Input]]:
    """The inputs that a class requires and that its node is not given."""
    return [
        (node, wanted)
        for node, declared in known(graph, catalog)
        for name, wanted in declared.inputs.items()
        if name not in node.inputs and wanted.required
    ]


def _undeclared(graph: Graph, catalog: Catalog) -> list[tuple[Node, str, bool]]:
    """The inputs that a class does not have, and whether each is nearly the name of one that is not given."""
    found = []
    for node, declared in known(graph, catalog):
        if node.inputs.keys() <= declared.inputs.keys():
            continue
        for name, value in node.inputs.items():
            if name in declared.inputs or _grows(declared, name):
                continue
            if isinstance(value, Link) or not _by_editor(catalog, node.type, name):
                near = nearest(name, declared.inputs)
                found.append((node, name, near is not None and near not in node.inputs))
    return found


def _no_such_input(node: Node, name: str, catalog: Catalog) -> Problem:
    declared = catalog.get(node.type)
    help = did_you_mean(name, declared.inputs if declared else (), "its inputs")
    free = [each for each in declared.inputs if each not in node.inputs] if declared else []
    remedy = spelled(name, free)
    return Problem(node, name, f'"{node.type}" has no input "{name}"', help, named=True, remedy=remedy)


def _grows(declared: NodeType, name: str) -> bool:
    """Whether an input's name is one that an input of the newer schema makes: "images.image0", "mode.x"."""
    first, dot, _ = name.partition(".")
    return bool(dot) and first in declared.inputs and declared.inputs[first].type in _GROWING


_GROWING = (AUTOGROW, DYNAMIC_COMBO)


def _by_editor(catalog: Catalog, kind: str, name: str) -> bool:
    """Whether ComfyUI's editor itself has a value of that name beside the inputs, which no server reads."""
    faces = [catalog.face(kind, editor) for editor in (NEWER, OLDER)]
    return any(each.name == name for face in faces if face for each in face.widgets)


def _kind(wanted: Input) -> str:
    return f"of the type {wanted.type}" if wanted.takes_link else "which has no default"


def _fits(given: str, wanted: str) -> bool:
    if given == wanted or "*" in (given, wanted):
        return True
    return bool({part.strip() for part in given.split(",")} & {part.strip() for part in wanted.split(",")})


def _givers(graph: Graph, catalog: Catalog) -> dict[str, list[Node]]:
    """The nodes that give each type."""
    found: dict[str, list[Node]] = {}
    for node, declared in known(graph, catalog):
        for kind in dict.fromkeys(output.type for output in declared.outputs):
            found.setdefault(kind, []).append(node)
    return found


def _other_node(givers: Mapping[str, Sequence[Node]], taker: Node, wanted: str) -> str:
    """Help where some other stage or node gives what is wanted; a workflow of ComfyUI's has no stages."""
    giving: dict[str, None] = {}
    for node in givers.get(wanted, ()):
        if node is not taker and (node.stage != taker.stage or not node.stage):
            giving[f"${node.stage}" if node.stage else f'"{node.title or node.type}"'] = None
        if len(giving) == 3:
            break
    return f"take it from what gives {wanted}: {', '.join(giving)}" if giving else f"add what gives {wanted}"


def _other_output(producer: NodeType, wanted: str) -> str:
    fitting = [output.name for output in producer.outputs if _fits(output.type, wanted)]
    return f'take its output "{fitting[0]}"' if fitting else ""
