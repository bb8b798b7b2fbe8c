"""Which model files a ComfyUI sees, read as its own folder_paths reads them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from comfyproof.weights.folders import BadTree, read_tree


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def test_the_models_folder_and_the_folder_that_it_is_in(tmp_path: Path) -> None:
    put(tmp_path, "models/checkpoints/a.safetensors", "models/checkpoints/deep/er/B.CKPT", "models/checkpoints/x.txt")
    put(tmp_path, "models/unet/u.safetensors", "models/diffusion_models/u.safetensors", "models/unet/q.gguf")
    put(tmp_path, "models/clip/c.sft", "models/text_encoders/.git/no.sft", "models/loras/.hid/.l.safetensors")
    put(tmp_path, "output/loras/mine.safetensors", "models/configs/v1.yaml", "models/classifiers/plain")
    tree = read_tree(tmp_path)
    assert tree.names("checkpoints") == ("a.safetensors", os.path.join("deep", "er", "B.CKPT"))
    assert tree.names("unet") == tree.names("diffusion_models") == ("u.safetensors",)
    assert tree.path("diffusion_models", "u.safetensors") == tmp_path / "models/unet/u.safetensors"
    assert tree.names("clip") == ("c.sft",)
    assert tree.names("unet_gguf") == ("q.gguf",)
    assert tree.names("loras") == (os.path.join(".hid", ".l.safetensors"), "mine.safetensors")
    assert (tree.names("configs"), tree.names("classifiers"), tree.names("nothing")) == (("v1.yaml",), ("plain",), ())
    assert tree.holding("other/B.CKPT") == ("checkpoints",)
    assert tree.path("loras", "B.CKPT") is None
    assert len(tree.models()) == 7
    inner = read_tree(tmp_path / "models")
    assert inner.names("loras") == (os.path.join(".hid", ".l.safetensors"),)
    assert inner.files["checkpoints"] == tree.files["checkpoints"]


YAML = """
one:
    base_path: $WHERE_MODELS_ARE
    is_default: true
    loras: |
        l
        l2
    wild: any
    unet: un
two:
    embeddings: ../rel/emb
none:
three:
    base_path: ../more
    checkpoints: ck/
    loras: /absolute
"""


def test_extra_model_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE_MODELS_ARE", str(tmp_path / "ext"))
    put(tmp_path, "ui/models/loras/a.safetensors", "ext/l2/a.safetensors", "ext/l/b.pt2", "ext/any/thing.xyz")
    put(tmp_path, "ext/un/u.pkl", "ext/un/g.gguf", "rel/emb/e.pt", "more/ck/z.safetensors")
    (tmp_path / "ui/extra_model_paths.yaml").write_text(YAML)
    tree = read_tree(tmp_path / "ui")
    # Each line of a default section goes before all others, so that the last comes first.
    assert tree.folders["loras"][:2] == (str(tmp_path / "ext/l2"), str(tmp_path / "ext/l"))
    assert tree.folders["loras"][3] == "/absolute"
    assert tree.path("loras", "a.safetensors") == tmp_path / "ext/l2/a.safetensors"
    assert tree.names("loras") == ("a.safetensors", "b.pt2")
    assert tree.names("wild") == ("thing.xyz",)
    assert (tree.names("diffusion_models"), tree.names("unet_gguf")) == (("u.pkl",), ("g.gguf",))
    assert tree.path("embeddings", "e.pt") == tmp_path / "rel/emb/e.pt"
    alone = read_tree(tmp_path / "ui/extra_model_paths.yaml")
    assert alone.names("checkpoints") == ("z.safetensors",)
    assert alone.path("loras", "a.safetensors") == tmp_path / "ext/l2/a.safetensors"


def test_links(tmp_path: Path) -> None:
    put(tmp_path, "ui/models/loras/a.safetensors", "far/b.safetensors", "ui/models/vae/dead.safetensors")
    loras = tmp_path / "ui/models/loras"
    (loras / "far").symlink_to(tmp_path / "far")
    (loras / "round").symlink_to(tmp_path / "ui/models")
    (loras / "gone.safetensors").symlink_to("/nowhere/gone.safetensors")
    tree = read_tree(tmp_path / "ui")
    assert os.path.join("far", "b.safetensors") in tree.names("loras")
    assert "gone.safetensors" in tree.names("loras")
    assert any("round" in problem and "link" in problem for problem in tree.problems)
    assert any("gone.safetensors" in problem and "nowhere" in problem for problem in tree.problems)
    assert tree.outside == (str(loras / "far"),)


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(BadTree, match="no folder and no file"):
        read_tree(tmp_path / "nowhere")
    with pytest.raises(BadTree, match="no folder of models"):
        read_tree(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "no YAML"),
        ("- a\n- b", "sections"),
        ("a: 3", 'no folders in "a"'),
        ("a:\n  loras: [x, y]", 'no text as "loras"'),
        ("a:\n  base_path: 3\n  loras: x", "base_path"),
        ("a: " + "[" * 5000, "no YAML"),
        ("# " + "x" * (1 << 20) + "\na: {}", "larger than"),
        ("a: !!python/object/apply:os.system ['true']", "no YAML"),
    ],
)
def test_a_broken_extra_model_paths(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(BadTree, match=said):
        read_tree(tmp_path / "x.yaml")
