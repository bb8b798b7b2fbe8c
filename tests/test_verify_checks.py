"""Whether each promise about a picture is judged by what is in the picture."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter, PngImagePlugin

from comfyproof.verify.checks import count_check, verify_picture
from comfyproof.verify.expected import (
    Bounds,
    Check,
    ColorShift,
    Exactly,
    Expected,
    Similarity,
    Times,
    Verdict,
    Within,
)
from comfyproof.verify.picture import Picture
from comfyproof.verify.similarity import Pair, color_difference, pairs, structural_similarity


def texture(width: int, height: int, seed: int = 7) -> Image.Image:
    """A picture with structure of every size, and color in patches, as photographs have."""
    random = numpy.random.default_rng(seed)
    frequency = numpy.hypot(numpy.fft.fftfreq(height)[:, None], numpy.fft.fftfreq(width)[None]).clip(5e-3)

    def layer(steepness: float) -> Any:
        spectrum = numpy.fft.fft2(random.normal(size=(height, width))) / frequency**steepness
        waves = numpy.fft.ifft2(spectrum).real
        return (waves - waves.mean()) / waves.std()

    light = layer(1.2)
    channels = [128 + 40 * light + 30 * layer(2.5) for _ in range(3)]
    return Image.fromarray(numpy.stack(channels, axis=-1).clip(0, 255).astype(numpy.uint8))


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    """A picture as a file's bytes."""
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def one(data: bytes, expected: Expected) -> Check:
    """The check of the only promise."""
    complete, check = verify_picture(data, expected)
    assert complete.verdict is Verdict.PASSED
    assert check.measured
    assert (check.help == "") is (check.verdict is not Verdict.FAILED)
    return check


def structure(left: Image.Image, right: Image.Image) -> float:
    """The structural similarity of two pictures."""
    found = structural_similarity(pairs(*(Picture("PNG", image.size, image, False) for image in (left, right))))
    assert found is not None
    return found.ssim


PICTURE = texture(96, 64)


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """The picture as a file."""
    file = tmp_path / "portrait.png"
    PICTURE.save(file)
    return file


def everything(reference: Path) -> Expected:
    """All promises at once."""
    return Expected(
        Times(2, reference), reference, True, Similarity(0.9, reference), ColorShift(2, reference), {"1": {}}
    )


def test_a_faithful_upscale_keeps_every_promise(reference: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", '{"1": {}}')
    data = encoded(PICTURE.resize((192, 128), Image.Resampling.LANCZOS), pnginfo=info)
    checks = verify_picture(data, everything(reference))
    assert [check.name for check in checks] == ["complete", "size", "aspect", "not_blank", "ssim", "delta_e", "prompt"]
    assert {check.verdict for check in checks} == {Verdict.PASSED}
    assert all(check.expected and check.measured for check in checks)


def test_a_broken_picture_leaves_every_other_promise_unexamined(reference: Path) -> None:
    complete, *others = verify_picture(encoded(PICTURE)[:-20], everything(reference))
    assert complete.verdict is Verdict.FAILED
    assert [check.name for check in others] == ["size", "aspect", "not_blank", "ssim", "delta_e", "prompt"]
    assert {check.verdict for check in others} == {Verdict.NOT_EXAMINED}


@pytest.mark.parametrize(("found", "verdict"), [(4, Verdict.PASSED), (3, Verdict.FAILED), (5, Verdict.FAILED)])
def test_count(found: int, verdict: Verdict) -> None:
    check = count_check(4, found)
    assert check.verdict is verdict
    assert (check.expected, check.measured) == ("4 pictures", f"{found} pictures")
    assert count_check(1, 0).expected == "1 picture"


@pytest.mark.parametrize(
    ("size", "verdict"),
    [
        (Exactly(96, 64), Verdict.PASSED),
        (Exactly(64, 96), Verdict.FAILED),
        (Within(Bounds(min=90)), Verdict.PASSED),
        (Within(Bounds(max=90)), Verdict.FAILED),
    ],
)
def test_size(size: Exactly | Within, verdict: Verdict) -> None:
    check = one(encoded(PICTURE), Expected(size))
    assert check.verdict is verdict
    assert check.measured == "96x64"


@pytest.mark.parametrize(("size", "verdict"), [((192, 128), Verdict.PASSED), ((192, 136), Verdict.FAILED)])
def test_size_as_a_factor(size: tuple[int, int], verdict: Verdict, reference: Path) -> None:
    check = one(encoded(PICTURE.resize(size)), Expected(Times(2, reference)))
    assert check.verdict is verdict
    assert check.expected == '2 times "portrait.png"'
    assert check.measured == f"{size[0]}x{size[1]}; 2 times 96x64 is 192x128"


@pytest.mark.parametrize(("size", "verdict"), [((480, 320), Verdict.PASSED), ((480, 336), Verdict.FAILED)])
def test_aspect(size: tuple[int, int], verdict: Verdict, reference: Path) -> None:
    check = one(encoded(PICTURE.resize(size)), Expected(aspect_of=reference))
    assert check.verdict is verdict
    assert f"{size[0]}x{size[1]}" in check.measured
    assert "1.500:1" in check.measured


def flat(*color: int) -> Image.Image:
    """One color all over."""
    return Image.new("RGBA" if len(color) == 4 else "RGB", (96, 64), color)


def speck(image: Image.Image) -> Image.Image:
    """The picture with one white pixel."""
    image.putpixel((3, 3), (255, 255, 255))
    return image


def almost_flat() -> Image.Image:
    """Gray that varies by one level."""
    levels = 127 + numpy.random.default_rng(1).integers(0, 3, (64, 96, 3))
    return Image.fromarray(levels.astype(numpy.uint8))


def drawing() -> Image.Image:
    """A thin line on white."""
    image = flat(255, 255, 255)
    ImageDraw.Draw(image).line((10, 10, 40, 10), fill=(0, 0, 0))
    return image


def see_through() -> Image.Image:
    """A picture whose alpha channel hides all of it."""
    image = PICTURE.convert("RGBA")
    image.putalpha(0)
    return image


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (flat(0, 0, 0), "it is black"),
        (Image.new("L", (96, 64)), "it is black"),
        (flat(0, 0, 1), "it is black"),
        (speck(Image.new("RGB", (512, 512))), "it is black"),
        (flat(255, 255, 255), "levels 255 to 255"),
        (flat(200, 30, 30), "standard deviation 0.0"),
        (almost_flat(), "levels 127 to 129"),
        (see_through(), "it is transparent"),
    ],
)
def test_blank(image: Image.Image, words: str) -> None:
    check = one(encoded(image), Expected(not_blank=True))
    assert check.verdict is Verdict.FAILED
    assert words in check.measured
    assert ("--fp32-vae" in check.help) is (words == "it is black")


@pytest.mark.parametrize(
    "image",
    [
        PICTURE,
        PICTURE.point(lambda level: level // 12),  # a night
        drawing(),
        PICTURE.convert("L"),
        Image.linear_gradient("L"),
        Image.effect_noise((96, 64), 5),
        PICTURE.convert("RGBA"),
        Image.merge("RGB", (Image.linear_gradient("L"), *[Image.new("L", (256, 256))] * 2)),
    ],
    ids=["texture", "night", "drawing", "gray", "gradient", "noise", "alpha", "red"],
)
def test_not_blank(image: Image.Image) -> None:
    check = one(encoded(image), Expected(not_blank=True))
    assert check.verdict is Verdict.PASSED
    assert "standard deviation" in check.measured
    assert "entropy" in check.measured


def test_a_picture_is_fully_like_itself(reference: Path) -> None:
    promised = Expected(ssim=Similarity(1, reference), delta_e=ColorShift(0, reference))
    _, ssim, delta_e = verify_picture(encoded(PICTURE), promised)
    assert (ssim.verdict, ssim.measured) == (Verdict.PASSED, "1.0000 at 96x64")
    assert (delta_e.verdict, delta_e.measured) == (Verdict.PASSED, "mean 0.00, 95th percentile 0.00")


def shuffled() -> Image.Image:
    """The picture in blocks of 16 px, in another order."""
    blocks = [PICTURE.crop((x, y, x + 16, y + 16)) for y in range(0, 64, 16) for x in range(0, 96, 16)]
    image = PICTURE.copy()
    for n, block in enumerate(blocks[7:] + blocks[:7]):
        image.paste(block, (n % 6 * 16, n // 6 * 16))
    return image


@pytest.mark.parametrize(
    "image",
    [PICTURE.filter(ImageFilter.GaussianBlur(3)), shuffled(), texture(96, 64, seed=8), flat(128, 128, 128)],
    ids=["blurred", "shuffled", "another", "flat"],
)
def test_a_picture_of_something_else_is_not_similar(image: Image.Image, reference: Path) -> None:
    check = one(encoded(image), Expected(ssim=Similarity(0.75, reference)))
    assert check.verdict is Verdict.FAILED
    assert check.expected == 'at least 0.75, to "portrait.png"'
    assert float(check.measured.split()[0]) < 0.75


def test_similarity_falls_as_blur_grows() -> None:
    found = [structure(PICTURE.filter(ImageFilter.GaussianBlur(radius)), PICTURE) for radius in (0, 0.5, 1, 2, 4)]
    assert found == sorted(found, reverse=True)
    assert found[0] == 1
    assert found[-1] < 0.5


def test_similarity_forgives_a_slight_shift_of_brightness() -> None:
    assert structure(PICTURE.point(lambda level: min(255, level + 5)), PICTURE) > 0.95


@pytest.mark.parametrize("size", [(405, 301), (407, 304), (199, 134)])
def test_a_latent_pipeline_may_crop_to_whole_cells(size: tuple[int, int], tmp_path: Path) -> None:
    whole = texture(*size)
    whole.save(tmp_path / "odd.png")
    width, height = (side // 8 * 8 for side in size)
    left, top = (side % 8 // 2 for side in size)
    cropped = whole.crop((left, top, left + width, top + height))
    twice = cropped.resize((2 * width, 2 * height), Image.Resampling.LANCZOS)
    file = tmp_path / "odd.png"
    expected = Expected(Times(2, file), file, ssim=Similarity(0.98, file), delta_e=ColorShift(1, file))
    checks = verify_picture(encoded(twice), expected)
    assert {check.verdict for check in checks} == {Verdict.PASSED}
    stretched = whole.resize((2 * width, 2 * height), Image.Resampling.LANCZOS)
    assert {check.verdict for check in verify_picture(encoded(stretched), expected)} == {Verdict.PASSED}


def test_a_number_beside_a_failure_never_looks_like_a_pass(reference: Path) -> None:
    image = PICTURE.filter(ImageFilter.GaussianBlur(1))
    exact = structure(image, PICTURE)
    check = one(encoded(image), Expected(ssim=Similarity(math.nextafter(exact, 2), reference)))
    assert check.verdict is Verdict.FAILED
    assert float(check.measured.split()[0]) <= exact


@pytest.mark.parametrize("size", [(8, 8), (96, 5)])
def test_a_tiny_picture_has_no_structural_similarity(size: tuple[int, int], tmp_path: Path) -> None:
    PICTURE.resize(size).save(tmp_path / "tiny.png")
    check = one(encoded(PICTURE.resize(size)), Expected(ssim=Similarity(0, tmp_path / "tiny.png")))
    assert check.verdict is Verdict.NOT_EXAMINED
    assert "smaller than the 11 px" in check.measured


def test_black_and_white_are_a_hundred_apart(tmp_path: Path) -> None:
    flat(0, 0, 0).save(tmp_path / "black.png")
    check = one(encoded(flat(255, 255, 255)), Expected(delta_e=ColorShift(99, tmp_path / "black.png")))
    assert check.verdict is Verdict.FAILED
    assert check.measured.endswith("95th percentile 100.00")


def redder(by: int) -> Image.Image:
    """The picture with more red in it."""
    red, green, blue = PICTURE.split()
    return Image.merge("RGB", (red.point(lambda level: min(255, level + by)), green, blue))


def test_color_difference_grows_with_the_shift(reference: Path) -> None:
    shifts = [color_difference([Pair(redder(by), PICTURE)]).mean for by in (0, 5, 10, 20, 40)]
    assert shifts == sorted(shifts)
    assert shifts[0] == 0
    promised = Expected(delta_e=ColorShift(4, reference))
    assert one(encoded(redder(3)), promised).verdict is Verdict.PASSED
    assert one(encoded(redder(40)), promised).verdict is Verdict.FAILED


def test_color_is_not_judged_by_single_pixels() -> None:
    fine = numpy.indices((64, 96)).sum(axis=0) % 2 * 20 + 118
    image = Image.fromarray(numpy.stack([fine, numpy.full_like(fine, 128), 256 - fine], axis=-1).astype(numpy.uint8))
    assert color_difference([Pair(image, flat(128, 128, 128))]).mean < 0.1


def test_a_few_wrong_pixels_show_in_the_95th_percentile() -> None:
    image = PICTURE.copy()
    image.paste((255, 0, 255), (0, 0, 96, 6))
    found = color_difference([Pair(image, PICTURE)])
    assert found.mean < 10 < 20 < found.percentile_95


@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_color_difference_is_a_distance(left: int, right: int) -> None:
    images = [
        Image.fromarray(numpy.random.default_rng(seed).integers(0, 256, (8, 8, 3)).astype(numpy.uint8))
        for seed in (left, right)
    ]
    there = color_difference([Pair(*images)])
    back = color_difference([Pair(*reversed(images))])
    assert there.mean == pytest.approx(back.mean, abs=1e-9)
    assert (there.mean == 0) is (left == right)
    assert there.percentile_95 >= 0


def test_a_reference_is_turned_upright_as_load_image_does(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    file = tmp_path / "phone.jpg"
    PICTURE.transpose(Image.Transpose.ROTATE_90).save(file, quality=98, exif=exif)
    expected = Expected(Times(1, file), file, ssim=Similarity(0.95, file), delta_e=ColorShift(3, file))
    checks = verify_picture(encoded(PICTURE), expected)
    assert {check.verdict for check in checks} == {Verdict.PASSED}
    turned = verify_picture(encoded(PICTURE.transpose(Image.Transpose.ROTATE_90)), expected)
    assert [check.name for check in turned if check.verdict is Verdict.FAILED] == ["size", "aspect", "ssim", "delta_e"]


def test_a_large_jpeg_is_compared_at_its_own_size(tmp_path: Path) -> None:
    file = tmp_path / "camera.jpg"
    large = texture(300, 203).resize((3000, 2030), Image.Resampling.BICUBIC)
    large.save(file, quality=92)
    file.write_bytes(file.read_bytes() + b"what phones append")
    expected = Expected(Times(0.5, file), file, ssim=Similarity(0.99, file), delta_e=ColorShift(1, file))
    checks = verify_picture(encoded(large.resize((1500, 1015))), expected)
    assert {check.verdict for check in checks} == {Verdict.PASSED}
    assert "0.5 times 3000x2030" in checks[1].measured


def missing(folder: Path) -> Path:
    return folder / "missing.png"


def damaged(folder: Path) -> Path:
    file = folder / "damaged.png"
    file.write_bytes(encoded(PICTURE)[:-100])
    return file


def text(folder: Path) -> Path:
    file = folder / "text.png"
    file.write_text("a picture of a cat")
    return file


def pipe(folder: Path) -> Path:
    file = folder / "pipe.png"
    os.mkfifo(file)
    return file


def sparse(folder: Path) -> Path:
    file = folder / "sparse.png"
    with file.open("wb") as stream:
        stream.truncate(2**40)
    return file


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (missing, "No such file"),
        (damaged, "it ends within a chunk"),
        (text, "neither PNG, JPEG nor WebP"),
        (Path.absolute, "not a regular file"),
        (pipe, "not a regular file"),
        (sparse, "over the limit"),
        (lambda folder: folder / "nul\0byte", "null"),
    ],
)
def test_a_reference_that_cannot_be_read_is_never_a_pass(make: Any, words: str, tmp_path: Path) -> None:
    file = make(tmp_path)
    expected = Expected(Times(2, file), file, ssim=Similarity(0, file), delta_e=ColorShift(100, file))
    checks = verify_picture(encoded(PICTURE), expected)[1:]
    assert {check.verdict for check in checks} == {Verdict.NOT_EXAMINED}
    assert all(words in check.measured and "cannot be read" in check.measured for check in checks)


PROMPT = {"7": {"class_type": "KSampler", "inputs": {"seed": 42, "cfg": 2}}}


def with_text(embedded: str, **options: bool) -> bytes:
    """A PNG with this as its prompt."""
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", embedded, **options)
    return encoded(PICTURE, pnginfo=info)


def with_model(model: str) -> bytes:
    """A WebP with this as the name of its camera."""
    exif = Image.Exif()
    exif[0x0110] = model
    return encoded(PICTURE, "WEBP", exif=exif)


SAME = json.dumps(PROMPT).replace("2}", "2.0}")
OTHER = SAME.replace("42", "43")


@pytest.mark.parametrize(
    ("data", "verdict", "words"),
    [
        (with_text(SAME), Verdict.PASSED, "the same, 1 node"),
        (with_text(SAME, zip=True), Verdict.PASSED, "the same, 1 node"),
        (with_text(OTHER), Verdict.FAILED, 'node "7" (KSampler): input "seed": 42 was sent, 43 is embedded'),
        (with_text("{no json"), Verdict.FAILED, "not JSON"),
        (with_text("[" * 100_000), Verdict.FAILED, "not JSON"),
        (with_text(" " * 2**26, zip=True), Verdict.FAILED, "absurdly long"),
        (with_text("null"), Verdict.NOT_EXAMINED, "--disable-metadata"),
        (encoded(PICTURE), Verdict.NOT_EXAMINED, "--disable-metadata"),
        (with_model(f"prompt:{SAME}"), Verdict.PASSED, "the same, 1 node"),
        (with_model(f"prompt:{OTHER}"), Verdict.FAILED, "43 is embedded"),
        (with_model("prompt:{no json"), Verdict.FAILED, "not JSON"),
        (with_model("Some Camera"), Verdict.NOT_EXAMINED, "no prompt is embedded in this WebP"),
        (encoded(PICTURE, "JPEG"), Verdict.NOT_EXAMINED, "no prompt is embedded in this JPEG"),
    ],
)
def test_the_embedded_prompt(data: bytes, verdict: Verdict, words: str) -> None:
    check = one(data, Expected(prompt=PROMPT))
    assert check.verdict is verdict
    assert words in check.measured


def test_nothing_heavy_is_imported_before_a_picture_is_verified() -> None:
    program = (
        "import sys, comfyproof.verify.checks\n"
        "print(*sorted({'PIL', 'av', 'numpy', 'skimage', 'scipy', 'networkx', 'pydantic'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""
