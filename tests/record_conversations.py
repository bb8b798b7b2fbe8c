"""Plays conversations of our own to a real ComfyUI 0.3.64, and keeps what came of them for `test_conformance.py`.

    python tests/record_conversations.py BASE URL

URL is a server that was started for this and has run nothing yet, with `--base-directory BASE`, `--cpu` and
PYTHONHASHSEED=1; BASE has the three custom nodes of the recordings, and models as in `test_conformance.MODELS` (empty
files do). No graph here needs a model. What one conversation leaves behind, in the cache and in the files, the next may
build on: they are played in this order, here and there.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from conversation import Names, Player, furnish, told
from record_conformance import in_order, write

Prompt = dict[str, Any]


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    """A node of a prompt."""
    return {"class_type": kind, "inputs": inputs}


def load(name: str = "in64.png") -> dict[str, Any]:
    return node("LoadImage", image=name)


def scale(source: str, width: Any = 32, height: int = 32, method: str = "bilinear", **more: Any) -> dict[str, Any]:
    return node(
        "ImageScale", image=[source, 0], upscale_method=method, width=width, height=height, crop="disabled", **more
    )


def save(source: str, prefix: str, slot: int = 0) -> dict[str, Any]:
    return node("SaveImage", images=[source, slot], filename_prefix=prefix)


def copy(prefix: str, width: int = 32, **more: Any) -> Prompt:
    """Three nodes: a picture, another size, a file."""
    return {"1": load(), "2": scale("1", width, **more), "3": save("2", prefix)}


def slow(prefix: str) -> Prompt:
    """A prompt whose second node takes long enough to break in on; the fourth is its last."""
    return {
        "1": load("in256.png"),
        "2": scale("1", 3600, 3600, "lanczos", note=prefix),
        "3": scale("2", 16, 16),
        "4": save("3", prefix),
    }


def run(prompt: Any, client: str | None = "<A>", **more: Any) -> list[Any]:
    """POST /prompt."""
    return post("/prompt", {"prompt": prompt, **({} if client is None else {"client_id": client}), **more})


def post(path: str, body: Any) -> list[Any]:
    return ["send", {"method": "POST", "path": path, "json": body}]


def said(path: str, text: str) -> list[Any]:
    return ["send", {"method": "POST", "path": path, "text": text}]


def get(path: str) -> list[Any]:
    return ["send", {"method": "GET", "path": path}]


def upload(name: str, letter: str, **fields: str) -> list[Any]:
    return ["send", {"method": "POST", "path": "/upload/image", "fields": fields, "files": {"image": [name, letter]}}]


def done(number: int = 1) -> list[Any]:
    return ["done", f"p{number}"]


def entry(number: int = 1) -> list[Any]:
    return get(f"/history/<p{number}>")


def whole(prompt: Any, **more: Any) -> list[list[Any]]:
    """One prompt from start to end."""
    return [["open", "A"], run(prompt, **more), done(), entry()]


def several(*prompts: Any) -> list[list[Any]]:
    """One prompt after the other."""
    steps: list[list[Any]] = [["open", "A"]]
    for number, prompt in enumerate(prompts, 1):
        steps += [run(prompt), done(number), entry(number)]
    return steps


def running(*steps: list[Any], prefix: str, **more: Any) -> list[list[Any]]:
    """Steps while a slow prompt is within its second node."""
    return [["open", "A"], run(slow(prefix), **more), ["hear", "A", "executing <p1> 2"], *WITHIN, *steps]


# A node is told of before the server looks for an interrupt: some requests later it is surely at work.
WITHIN = [["send", {"method": "GET", "path": "/prompt", "quiet": True}]] * 5
CLEAR = post("/history", {"clear": True})
SIZES = {"1": load(), "2": node("GetImageSize", image=["1", 0]), "3": node("PreviewAny", source=["2", 0])}
BATCH = {
    "1": load(),
    "2": node("RepeatImageBatch", image=["1", 0], amount=5),
    "3": node("RebatchImages", images=["2", 0], batch_size=2),
}
BRANCHES = {
    "9": save("8", "branches_a"), "8": node("ImageInvert", image=["7", 0]), "7": load(),
    "6": node("PreviewImage", images=["5", 0]), "5": node("ImageBlend", image1=["7", 0], image2=["4", 0],
                                                          blend_factor=0.5, blend_mode="normal"),
    "4": scale("3", 64, 64), "3": load("in256.png"), "2": save("4", "branches_b"),
}  # fmt: skip
MASKS = {
    "1": node("SolidMask", value=0.5, width=40, height=30),
    "2": node("InvertMask", mask=["1", 0]),
    "3": node("MaskComposite", destination=["1", 0], source=["2", 0], x=2, y=3, operation="add"),
    "4": node("GrowMask", mask=["3", 0], expand=2, tapered_corners=True),
    "5": node("MaskToImage", mask=["4", 0]),
    "6": save("5", "masks"),
    "7": node("MaskPreview", mask=["2", 0]),
}
PRIMITIVES = {
    "1": load(),
    "2": node("PrimitiveInt", value=24),
    "3": scale("1", ["2", 0]),
    "4": node("PrimitiveString", value="primitives/ä"),
    "5": node("SaveImage", images=["3", 0], filename_prefix=["4", 0]),
    "6": node("PreviewAny", source=["2", 0]),
    "7": node("PrimitiveFloat", value=0.25),
    "8": node("PreviewAny", source=["7", 0]),
    "9": node("PrimitiveBoolean", value=True),
    "10": node("PreviewAny", source=["9", 0]),
    "11": node("StringConcatenate", string_a="a", string_b=["4", 0], delimiter="-"),
    "12": node("PreviewAny", source=["11", 0]),
}
FAILS = {
    **copy("beside"),
    "4": scale("1", 48, ghost=["1", 0]),
    "5": save("4", "never"),
}
CIRCLE = {
    "1": load(),
    "2": scale("1", 20, ghost=["3", 0]),
    "3": scale("2", 21),
    "4": save("3", "circle"),
}
WEBSOCKET = {**BATCH, "4": node("SaveImageWebsocket", images=["2", 0])}
NOT_A_NUMBER = {
    "1": load(),
    "2": node("ImageBlend", image1=["1", 0], image2=["1", 0], blend_factor=float("nan"), blend_mode="normal"),
    "3": save("2", "nan"),
}


def cached() -> dict[str, list[list[Any]]]:
    """What is run again, and what is not."""
    ids = {"x": load(), "y z": scale("x"), "ü": save("y z", "first")}
    backwards = dict(reversed(copy("first").items()))
    meta = {id: {**one, "_meta": {"title": id}} for id, one in copy("first").items()}
    blend = {"image2": ["2", 0], "blend_factor": 0.5, "blend_mode": "normal"}
    once = {"2": load(), "3": node("ImageBlend", image1=["2", 0], **blend), "4": save("3", "shared")}
    twice = {"1": load(), "2": load(), "3": node("ImageBlend", image1=["1", 0], **blend), "4": save("3", "shared")}
    other = {"1": load("cat.png"), "2": save("1", "file")}
    given = copy("given")
    given["1"]["is_changed"] = ["so the client says"]
    return {
        "first run": whole(copy("first")),
        "the same again": whole(copy("first")),
        "other node ids": whole(ids),
        "other order and titles": several(backwards, meta),
        "another width": whole(copy("first", 33)),
        "and back": whole(copy("first")),
        "undeclared values": several(
            *(copy("junk", junk=j) for j in (1, 1.0, True, "1", None, {"a": [1]}, {"a": [2]}))
        ),
        "not a number": several(NOT_A_NUMBER, NOT_A_NUMBER),
        "two of a kind": whole({**copy("kind"), "4": scale("1"), "5": save("4", "kind_b")}),
        "one loader or two": several(once, twice, twice, once),
        "another file of that name": [
            upload("cat.png", "A"),
            *several(other, other),
            upload("cat.png", "B", overwrite="true"),
            run(other),
            done(3),
            entry(3),
        ],
        "is_changed in the prompt": several(given, given),
        "unrelated in between": several(copy("first"), SIZES, copy("first")),
        "a node that knows its id": several(
            SIZES, {**SIZES, "9": SIZES["2"], "3": node("PreviewAny", source=["9", 0])}
        ),
        "free while idle": [
            ["open", "A"],
            run(copy("free")),
            done(),
            post("/free", {"unload_models": True}),
            run(copy("free")),
            done(2),
            entry(2),
        ],
        "free while running": [
            *running(post("/free", {"free_memory": True}), done(), prefix="freed"),
            run(copy("free")),
            done(2),
            entry(2),
        ],
    }


def graphs() -> dict[str, list[list[Any]]]:
    """Graphs of many kinds."""
    return {
        "branches": whole(BRANCHES),
        "masks": whole(MASKS),
        "primitives": whole(PRIMITIVES),
        "size of a picture": whole({**SIZES, "1": load("in256.png")}),
        "batch in files": whole({**BATCH, "4": save("2", "batch_%batch_num%_%width%x%height%")}),
        "list of batches": whole({**BATCH, "4": save("3", "lists/x"), "5": node("PreviewImage", images=["3", 0])}),
        "list through nodes": whole(
            {**BATCH, "4": scale("3", 16, 16), "5": node("ImageInvert", image=["4", 0]), "6": save("5", "list")}
        ),
        "sizes of a list": whole(
            {
                **BATCH,
                "4": node("GetImageSize", image=["3", 0]),
                "5": node("PreviewAny", source=["4", 2]),
                "6": scale("1", ["4", 2], 8),
                "7": save("6", "each"),
            }
        ),
        "list into a list": whole(
            {**BATCH, "4": node("RebatchImages", images=["3", 0], batch_size=3), "5": save("4", "again")}
        ),
        "alpha": whole(
            {
                "1": load("rgba64.png"),
                "2": node("InvertMask", mask=["1", 1]),
                "3": node("JoinImageWithAlpha", image=["1", 0], alpha=["2", 0]),
                "4": save("3", "alpha"),
                "5": node("SplitImageWithAlpha", image=["3", 0]),
                "6": node("MaskPreview", mask=["5", 1]),
            }
        ),
        "animation": whole(
            {
                **BATCH,
                "4": node(
                    "SaveAnimatedWEBP",
                    images=["2", 0],
                    filename_prefix="moving",
                    fps=6.0,
                    lossless=True,
                    quality=80,
                    method="default",
                ),
            }
        ),
        "animated png": whole(
            {**BATCH, "4": node("SaveAnimatedPNG", images=["2", 0], filename_prefix="apng", fps=6.0, compress_level=4)}
        ),
        "through the socket": [["open", "A"], run(WEBSOCKET), done(), entry(), run(WEBSOCKET), done(2)],
        "through the socket with metadata": [
            ["open", "A", {"supports_preview_metadata": True}],
            run(WEBSOCKET),
            done(),
        ],
        "metadata in the file": [
            run(copy("meta"), extra_data={"extra_pnginfo": {"workflow": {"ä": [1.5, None, True]}, "more": "text"}}),
            done(),
            ["picture", "p1"],
            entry(),
        ],
        "output of the input": whole(
            {"1": load(), "2": save("1", "direct"), "3": node("PreviewImage", images=["1", 0])}
        ),
    }


def failures() -> dict[str, list[list[Any]]]:
    """What goes wrong, and what is left of the rest."""
    bad = {**copy("good"), "4": scale("1", -1), "5": save("4", "bad")}
    both = {**copy("both", 19), "4": scale("1", 18), "5": save("4", "other")}
    return {
        "a node fails beside a good output": whole(FAILS),
        "and once more": whole(FAILS),
        "a circle that validation misses": several(CIRCLE, copy("after")),
        "a circle after a failure": several(FAILS, CIRCLE),
        "one output of two is refused": whole(bad),
        "one target of two": [
            ["open", "A"],
            run(both),
            done(),
            run(both, partial_execution_targets=["5"]),
            done(2),
            entry(2),
        ],
        "only one target": [
            ["open", "A"],
            run({**both, "6": scale("1", 17), "3": save("6", "one")}, partial_execution_targets=["3"]),
            done(),
            entry(),
        ],
        "no file for a loader at run": [
            upload("gone.txt", "T"),
            ["open", "A"],
            run({"1": load("gone.txt"), "2": save("1", "gone")}),
            done(),
        ],
        "extra data that is a list": [["open", "A"], run(copy("list", 61), None, extra_data=[]), done(), entry()],
        "extra data that is a text": [["open", "A"], run(copy("text", 62), None, extra_data="x"), done(), entry()],
        "a literal for a picture": whole({"1": node("SaveImage", images=None, filename_prefix="literal")}),
        "a dictionary of a wrong text": whole({"1": node("PreviewAny", source={"a": [1, "b"]})}),
    }


def stops() -> dict[str, list[list[Any]]]:
    """Interrupts, and sockets that come and go."""
    stop = post("/interrupt", {})
    flags = '{"type": "feature_flags", "data": {"supports_preview_metadata": true}}'
    return {
        "interrupted": running(stop, done(), entry(), prefix="stop"),
        "and run again": [["open", "A"], run(copy("goes on", 41)), done(), entry()],
        "interrupted by id": running(
            post("/interrupt", {"prompt_id": "nobody's"}),
            get("/prompt"),
            post("/interrupt", {"prompt_id": "<p1>"}),
            done(),
            prefix="by id",
        ),
        "interrupt of another's id": running(post("/interrupt", {"prompt_id": "other"}), done(), prefix="goes"),
        "odd interrupts": [
            said("/interrupt", "[]"),
            said("/interrupt", "{"),
            said("/interrupt", ""),
            said("/interrupt", "5"),
            said("/interrupt", '{"prompt_id": null}'),
        ],
        "interrupted without a client": [
            ["open", "A"],
            ["open", "B"],
            run(slow("anonymous"), None),
            ["hear", "A", "state <p1> 1 nodes, 2:0/1:running"],
            *WITHIN,
            stop,
            done(),
            ["hear", "A", "status 0", 2],
            ["hear", "B", "status 0", 2],
            entry(),
        ],
        "two clients": [
            ["open", "A"],
            ["open", "B"],
            run(copy("a", 44)),
            done(),
            run(copy("b", 45), "<B>"),
            done(2),
            ["hear", "A", "status 0", 3],
        ],
        "a client that is not there": [
            ["open", "A"],
            run(copy("absent", 46), "somebody"),
            done(),
            ["hear", "A", "status 0", 2],
            entry(),
        ],
        "a client in extra data": [
            ["open", "A"],
            run(copy("inside", 47), None, extra_data={"client_id": "<A>"}),
            ["hear", "A", "executing <p1> null"],
        ],
        "hung up and back": running(
            ["close", "A"], ["open", "A'"], ["hear", "A'", "executing <p1> null"], entry(), prefix="back"
        ),
        "a second socket of a client": running(["open", "A'"], ["hear", "A'", "executing <p1> null"], prefix="second"),
        "the first socket takes the second along": [
            ["open", "A"],
            ["open", "A'"],
            ["close", "A"],
            run(copy("stale", 48)),
            done(),
        ],
        "flags too late": [
            ["open", "A"],
            ["say", "A", '{"type": "hello"}'],
            ["say", "A", flags],
            run(WEBSOCKET),
            done(),
        ],
        "flags after nonsense": [
            ["open", "A"],
            ["say", "A", "nonsense"],
            ["say", "A", flags],
            ["hear", "A", "features"],
            run(WEBSOCKET),
            done(),
        ],
    }


def queues() -> dict[str, list[list[Any]]]:
    """The queue and the history."""
    third = [run(copy(f"q{n}", 50 + n)) for n in range(3)]
    return {
        "the queue in order": running(
            *third,
            run(copy("front", 54), front=True),
            run(copy("number", 55), number=-3.5),
            run(copy("last", 56), number=1e9),
            get("/queue"),
            post("/queue", {"delete": ["<p3>", "nobody's"]}),
            get("/queue"),
            get("/prompt"),
            done(7),
            prefix="queue",
        ),
        "the queue cleared": running(
            *third, post("/queue", {"clear": True, "delete": ["x"]}), get("/queue"), done(), entry(2), prefix="cleared"
        ),
        "the same number and id": running(
            run(copy("n", 57), number=4, prompt_id="same-id"),
            run(copy("n", 57), number=4, prompt_id="same-id"),
            run(copy("n", 58), number=4, prompt_id="same-id"),
            get("/queue"),
            post("/queue", {"clear": True}),
            post("/interrupt", {}),
            done(),
            prefix="number",
        ),
        "odd queue bodies": [
            post("/queue", {}),
            post("/queue", []),
            post("/queue", "clear"),
            post("/queue", {"delete": "abc"}),
            post("/queue", {"clear": 0}),
            said("/queue", "7"),
            said("/queue", ""),
            post("/history", {"delete": [["x"]]}),
            post("/history", {"delete": "abc"}),
            post("/history", {"clear": 1}),
            said("/history", "null"),
        ],
        "history": [
            CLEAR,
            *several(copy("h", 58), copy("h", 59), copy("h", 60)),
            get("/history"),
            get("/history?max_items=1"),
            get("/history?max_items=1&offset=0"),
            get("/history?offset=1"),
            get("/history?offset=-1"),
            get("/history?max_items=-2"),
            get("/history?max_items=x"),
            get("/history?offset=1.5"),
            get("/api/history/<p1>"),
            post("/history", {"delete": ["<p2>"]}),
            get("/history"),
            CLEAR,
            get("/api/history"),
            get("/history/"),
            get("/prompt"),
            get("/api/queue"),
        ],
        "an id of one's own": [
            ["open", "A"],
            run(copy("own", 63), prompt_id="my-own-id"),
            done(),
            entry(),
            run(copy("own", 63), prompt_id="my-own-id"),
            ["hear", "A", "executing <p1> null", 2],
            entry(),
        ],
    }


SESSIONS = {"cached": cached, "graphs": graphs, "failures": failures, "stops": stops, "queues": queues}


def main() -> None:
    """Plays everything and writes what came of it."""
    base, url = Path(sys.argv[1]), sys.argv[2]
    furnish(base / "input")
    found: dict[str, list[dict[str, Any]]] = {}
    names = Names()
    for session, made in SESSIONS.items():
        for name, steps in made().items():
            print(session, name, flush=True)
            heard = Player(url).play(steps)
            ordered = in_order(steps, [exchange["answer"] for exchange in heard.http])
            one = {"name": f"{session}: {name}", "steps": ordered, "expected": told(heard, names)}
            found.setdefault("our own", []).append(one)
    write("own.jsonl.gz", found)


if __name__ == "__main__":
    main()
