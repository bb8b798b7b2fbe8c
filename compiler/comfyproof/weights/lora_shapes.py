"""lora_shapes: whether the tensors of a LoRA's module can be applied to a weight, by their shapes alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import permutations
from math import prod

from .keymaps import Base, Target
from .networks import Shape

Tensors = Mapping[str, Shape]

# Up and down of a plain LoRA, in the order in which ComfyUI looks for them; the first pair has a middle as well.
_PAIRS = (
    (".lora_up.weight", ".lora_down.weight"),
    ("_lora.up.weight", "_lora.down.weight"),
    (".lora_B.weight", ".lora_A.weight"),
    (".lora.up.weight", ".lora.down.weight"),
    (".lora_B", ".lora_A"),
    (".lora_linear_layer.up.weight", ".lora_linear_layer.down.weight"),
    (".lora_B.default.weight", ".lora_A.default.weight"),
)
# The tensors of most modules, in whatever order: a pair alone or with its alpha.
_MOST = {order: pair for pair in _PAIRS for extra in ((), (".alpha",)) for order in permutations((*pair, *extra))}
_HADA = (".hada_w1_a", ".hada_w1_b", ".hada_w2_a", ".hada_w2_b")
_LOKR = (".lokr_w1", ".lokr_w2", ".lokr_w1_a", ".lokr_w1_b", ".lokr_w2_a", ".lokr_w2_b", ".lokr_t2")
_GLORA = (".a1.weight", ".a2.weight", ".b1.weight", ".b2.weight")


# ComfyUI cuts ".weight" from the name to name the bias, and has no name left where only some rows are patched.
_NOWHERE = "().bias"


def patches_of(
    tensors: Tensors, target: Target, base: Base, reshape: Shape | None = None
) -> tuple[dict[Target, bool], set[str]]:
    """The weights that a module changes, each with whether its shape allows it, and the tensors that are used.

    `reshape` is the shape to which the weight is padded first.
    """
    weight = _rows(base.shape(target[0]), target)
    padded = _padded(weight, reshape)
    pair = _MOST.get(tuple(tensors))
    if pair is not None:
        return {target: _product_fits(tensors[pair[0]], tensors[pair[1]], padded)}, set(tensors)
    used = {name for name in (".alpha", ".dora_scale") if name in tensors}
    patched: dict[Target, bool] = {}
    dora = tensors.get(".dora_scale")
    for adapter in (_lora, _loha, _lokr, _glora, _oft):
        taken = adapter(tensors, padded if adapter is _lora else weight)
        if taken is None:
            continue
        fine, names = taken
        if fine and dora is not None and weight is not None:
            fine = _scales(dora, weight)
        patched[target] = fine
        used |= names
    used |= _whole(tensors, target, base, weight, patched)
    return patched, used


def _whole(tensors: Tensors, target: Target, base: Base, weight: Shape | None, patched: dict[Target, bool]) -> set[str]:
    """Differences and replacements of whole weights and biases; returns the tensors that are used."""
    used = set()
    bias: Target = (f"{target[0][:-7]}.bias" if target[1] is None else _NOWHERE, None)
    for name, where, only_with in (
        (".w_norm", target, ""),
        (".b_norm", bias, ".w_norm"),
        (".diff", target, ""),
        (".diff_b", bias, ""),
    ):
        if name in tensors and (not only_with or only_with in tensors):
            used.add(name)
            patched[where] = tensors[name] == (weight if where is target else base.shape(bias[0]))
    if ".set_weight" in tensors:
        used.add(".set_weight")
        patched[target] = weight is not None and _broadcasts(tensors[".set_weight"], weight)
    return used


def _rows(shape: Shape | None, target: Target) -> Shape | None:
    """The shape of the part of a weight that is patched; None where there is no such part."""
    if shape is None or target[1] is None:
        return shape
    start, length = target[1]
    return (length, *shape[1:]) if shape and start + length <= shape[0] else None


def _padded(weight: Shape | None, reshape: Shape | None) -> Shape | None:
    if weight is None or reshape is None:
        return weight
    smaller = len(reshape) != len(weight) or any(new < old for new, old in zip(reshape, weight, strict=True))
    return None if smaller else reshape


def _broadcasts(given: Shape, weight: Shape) -> bool:
    if len(given) > len(weight):
        return False
    return all(size in (1, whole) for size, whole in zip(given[::-1], weight[::-1], strict=False))


def _scales(dora: Shape, weight: Shape) -> bool:
    """Whether a DoRA's magnitudes can be divided by the norms of a weight and multiplied with it."""
    if not dora or not weight:
        return False
    if len(weight) == 1:
        return dora == weight
    ones = (1,) * (len(weight) - 2)
    norms = (weight[0], 1, *ones) if dora[0] == weight[0] else (1, weight[1], *ones)
    size = max(len(dora), len(norms))
    pairs = list(zip((1,) * (size - len(dora)) + dora, (1,) * (size - len(norms)) + norms, strict=True))
    if any(a != b and 1 not in (a, b) for a, b in pairs):
        return False
    return _broadcasts(tuple(max(a, b) for a, b in pairs), weight)


def _flat(shape: Shape) -> tuple[int, int]:
    return (shape[0], prod(shape[1:])) if len(shape) > 1 else (0, 0)


def _mm(left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int] | None:
    return (left[0], right[1]) if left[1] == right[0] and left[0] and right[1] else None


@lru_cache(maxsize=4096)
def _product_fits(up: Shape, down: Shape, weight: Shape | None) -> bool:
    product = _mm(_flat(up), _flat(down))
    return product is not None and weight is not None and prod(product) == prod(weight)


def _lora(tensors: Tensors, weight: Shape | None) -> tuple[bool, set[str]] | None:
    for up, down in _PAIRS:
        if up not in tensors:
            continue
        names = {name for name in (up, down, ".reshape_weight") if name in tensors}
        if down not in tensors:
            return False, names  # ComfyUI stops with a KeyError
        second = _flat(tensors[down])
        if up == ".lora_up.weight" and ".lora_mid.weight" in tensors:
            names.add(".lora_mid.weight")
            second = _middle(tensors[down], tensors[".lora_mid.weight"])
        product = _mm(_flat(tensors[up]), second)
        return product is not None and weight is not None and prod(product) == prod(weight), names
    return None


def _middle(down: Shape, mid: Shape) -> tuple[int, int]:
    """What the down of a convolution is after its middle: rank by inputs times kernel; (0, 0) if they don't fit."""
    if len(mid) != 4 or len(down) < 2 or down[0] * prod(down[2:]) != mid[1] or mid[0] != down[0]:
        return (0, 0)
    return (down[0], down[1] * mid[2] * mid[3])


def _loha(tensors: Tensors, weight: Shape | None) -> tuple[bool, set[str]] | None:
    if ".hada_w1_a" not in tensors:
        return None
    names = {name for name in (*_HADA, ".hada_t1", ".hada_t2") if name in tensors}
    if ".hada_t1" not in tensors:
        names.discard(".hada_t2")
    if any(name not in tensors for name in _HADA):
        return False, names
    first, second = (
        _tucker(tensors.get(mid) if ".hada_t1" in tensors else None, tensors[a], tensors[b])
        for a, b, mid in ((*_HADA[:2], ".hada_t1"), (*_HADA[2:], ".hada_t2"))
    )
    fine = first is not None and first == second and weight is not None and prod(first) == prod(weight)
    return fine, names


def _tucker(core: Shape | None, a: Shape, b: Shape) -> Shape | None:
    if len(a) != 2 or len(b) != 2:
        return None
    if core is None:
        return (a[0], b[1]) if a[1] == b[0] else None
    return (a[1], b[1], *core[2:]) if len(core) == 4 and core[0] == a[0] and core[1] == b[0] else None


def _lokr(tensors: Tensors, weight: Shape | None) -> tuple[bool, set[str]] | None:
    if not any(name in tensors for name in (".lokr_w1", ".lokr_w2", ".lokr_w1_a", ".lokr_w2_a")):
        return None
    names = {name for name in _LOKR if name in tensors}
    first = tensors.get(".lokr_w1") or _factors(tensors, ".lokr_w1_a", ".lokr_w1_b", None)
    second = tensors.get(".lokr_w2") or _factors(tensors, ".lokr_w2_a", ".lokr_w2_b", tensors.get(".lokr_t2"))
    fine = bool(first and second and weight is not None and prod(first) * prod(second) == prod(weight))
    return fine, names


def _factors(tensors: Tensors, a: str, b: str, core: Shape | None) -> Shape | None:
    return _tucker(core, tensors[a], tensors[b]) if a in tensors and b in tensors else None


def _glora(tensors: Tensors, weight: Shape | None) -> tuple[bool, set[str]] | None:
    if ".a1.weight" not in tensors:
        return None
    names = {name for name in _GLORA if name in tensors}
    if len(names) < len(_GLORA) or weight is None or len(weight) < 2 or any(len(tensors[name]) < 2 for name in _GLORA):
        return False, names
    a1, a2, b1, b2 = (tensors[name] for name in _GLORA)
    old = b2[1] == b1[0] == a1[0] == a2[1]
    new = b2[0] == b1[1] == a1[1] == a2[0]
    if new and not (old and a2[0] == weight[0] and weight[0] == weight[1]):
        old = False
    size = prod(weight)
    if old:
        main, side = _mm(_flat(b2), _flat(b1)), _mm(_flat(a2), _flat(a1))
        whole = _mm((weight[0], prod(weight[1:])), side) if side else None
    elif new:
        main, side = _mm(_flat(b1), _flat(b2)), _mm(_flat(a1), _flat(a2))
        whole = side if side and side == (weight[1], weight[1]) else None
        return bool(main and whole and prod(main) == size), names
    else:
        return False, names
    return bool(main and whole and prod(main) == size and prod(whole) == size), names


def _oft(tensors: Tensors, weight: Shape | None) -> tuple[bool, set[str]] | None:
    """OFT has blocks of three dimensions, BOFT of four."""
    blocks = tensors.get(".oft_blocks", ())
    if len(blocks) not in (3, 4):
        return None
    names = {name for name in (".oft_blocks", ".rescale") if name in tensors}
    if weight is None or not weight or blocks[-1] != blocks[-2] or not prod(blocks):
        return False, names
    if len(blocks) == 3:
        return blocks[0] * blocks[1] == weight[0], names
    # BOFT compares with alpha, which must be there.
    stages, count, size = blocks[:3]
    fits = ".alpha" in tensors and weight[0] == count * size and size > 1
    return fits and all(weight[0] % (2 * 2**stage * (size // 2)) == 0 for stage in range(min(stages, 64))), names
