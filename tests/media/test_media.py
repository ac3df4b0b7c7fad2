from pathlib import Path

import numpy as np
import pytest
import skimage.color
import tifffile
import torch
from PIL import Image, ImageOps

from i2i_zoo.errors import ZooError
from i2i_zoo.media.colours import lab_to_rgb, rgb_to_lab
from i2i_zoo.media.files import height_width, is_whole, read_array, save_picture
from i2i_zoo.media.geometry import pad_to_stride, resize
from i2i_zoo.media.labels import (
    colour_labels,
    instance_edges,
    label_ids,
    palette_colours,
    read_instances,
    read_labels,
)
from i2i_zoo.media.palettes import PALETTES
from i2i_zoo.media.pictures import decode_picture, read_picture, to_pil, to_uint8


@pytest.fixture
def colours():
    """Every corner of the RGB cube, greys, and random colours: (1, 3, 8, 8) in [-1, 1]."""
    corners = np.stack(np.meshgrid([0, 255], [0, 255], [0, 255]), -1).reshape(-1, 3)
    greys = np.repeat(np.arange(0, 256, 17)[:, None], 3, 1)
    some = np.random.default_rng(0).integers(0, 256, (64 - len(corners) - len(greys), 3))
    return np.concatenate([corners, greys, some]).astype(np.uint8).reshape(8, 8, 3)


def test_lab_is_that_of_scikit_image(colours):
    lab = rgb_to_lab(read_picture(colours)[None])[0].permute(1, 2, 0).numpy()
    expected = skimage.color.rgb2lab(colours)
    assert np.abs(lab - (expected / (50, 110, 110) - (1, 0, 0))).max() < 1e-4


def test_lab_and_back(colours):
    rgb = read_picture(colours)[None]
    assert torch.equal(to_uint8(lab_to_rgb(rgb_to_lab(rgb))), to_uint8(rgb))


def test_lab_outside_srgb_is_clipped_as_scikit_image_does():
    lab = np.random.default_rng(0).uniform((0, -110, -110), (100, 110, 110), (8, 8, 3))
    with pytest.warns(UserWarning, match="negative Z"):
        expected = skimage.color.lab2rgb(lab)
    scaled = torch.from_numpy(lab / (50, 110, 110) - (1, 0, 0)).permute(2, 0, 1)[None].float()
    assert np.abs(lab_to_rgb(scaled)[0].permute(1, 2, 0).numpy() / 2 + 0.5 - expected).max() < 1e-4


def test_lab_has_finite_gradients(colours):
    rgb = read_picture(colours)[None].requires_grad_()
    lab_to_rgb(rgb_to_lab(rgb)).sum().backward()
    assert torch.isfinite(rgb.grad).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 2), (5, 300), (255, 257), (64, 32)])
@pytest.mark.parametrize("stride", [1, 4, 32])
def test_padding_to_the_stride(size, stride):
    image = torch.rand(2, 3, *size)
    padded, top, left = pad_to_stride(image, stride)
    assert padded.shape[2] % stride == padded.shape[3] % stride == 0
    assert padded.shape[2] - size[0] < stride
    assert padded.shape[3] - size[1] < stride
    assert torch.equal(padded[..., top : top + size[0], left : left + size[1]], image)


def test_padding_is_reflection():
    image = torch.rand(1, 1, 6, 7)
    padded, top, left = pad_to_stride(image, 8)
    assert (top, left) == (1, 0)
    assert torch.equal(padded, torch.nn.functional.pad(image, (0, 1, 1, 1), mode="reflect"))
    # Farther than reflection reaches, the mirror image is mirrored again.
    long, _, left = pad_to_stride(torch.arange(3.0).expand(1, 1, 8, 3), 8)
    assert left == 2
    assert long[0, 0, 0].tolist() == [2, 1, 0, 1, 2, 1, 0, 1]


def test_uint8_there_and_back():
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(np.asarray(to_pil(read_picture(values, 1))), values)


def test_rounding_and_clipping():
    levels = torch.tensor([-2.0, -1.0, 0.49 / 127.5 - 1, 0.51 / 127.5 - 1, 1.0, 3.0])
    assert to_uint8(levels).tolist() == [0, 0, 0, 1, 255, 255]


def test_to_pil():
    assert to_pil(torch.zeros(1, 2, 3)).mode == "L"
    assert to_pil(torch.zeros(3, 2, 3)).size == (3, 2)
    with pytest.raises(ZooError, match="2 channels is not a picture"):
        to_pil(torch.zeros(2, 2, 3))


@pytest.mark.parametrize("name", PALETTES)
def test_palettes_there_and_back(name):
    ids = np.arange(len(palette_colours(name)), dtype=np.uint8)[None].repeat(3, 0)
    colours = colour_labels(ids, name)
    again = label_ids(colours, name)
    assert np.array_equal(colour_labels(again, name), colours)
    if name != "cityscapes":  # whose labels that are not evaluated share black, and others a colour
        assert np.array_equal(again, ids)
        assert len(np.unique(palette_colours(name), axis=0)) == len(palette_colours(name))


@pytest.mark.parametrize("name", PALETTES)
def test_mixed_colours_become_the_nearest_label(name):
    colours = np.random.default_rng(0).integers(0, 256, (7, 9, 3), np.uint8)
    distances = np.linalg.norm(colours[..., None, :].astype(float) - palette_colours(name), axis=-1)
    assert np.array_equal(label_ids(colours, name), distances.argmin(-1))


def test_labels_without_colour_and_unknown_palettes():
    with pytest.raises(ZooError, match=r"x: label 12 has no colour in the palette 'camvid', whose labels are 0 to 11"):
        colour_labels(np.array([[0, 12]]), "camvid", "x")
    with pytest.raises(ZooError, match="label -1 has no colour"):
        colour_labels(np.array([[-1, 3]]), "camvid")
    with pytest.raises(ZooError, match="'cam': choose from camvid"):
        palette_colours("cam")


def save(folder, picture, name="x.png", **options):
    picture.save(folder / name, **options)
    return folder / name


def test_grey_and_colour(tmp_path):
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    file = save(tmp_path, Image.fromarray(grey))
    assert torch.equal(read_picture(file, 1)[0], torch.from_numpy(grey / np.float32(127.5) - 1))
    assert torch.equal(read_picture(file, 3), read_picture(file, 1).expand(3, -1, -1))
    rgb = np.random.default_rng(0).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    luminance = to_uint8(read_picture(rgb, 1))[0].numpy().astype(int)
    assert np.abs(luminance - np.asarray(Image.fromarray(rgb).convert("L"))).max() <= 1
    with pytest.raises(ZooError, match="3 channels, but the model takes 5"):
        read_picture(rgb, 5)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit(tmp_path, suffix):
    values = np.array([[0, 1, 256], [32768, 65534, 65535]], np.uint16)
    file = save(tmp_path, Image.fromarray(values), f"x.{suffix}")
    assert read_array(file).dtype == np.uint16
    assert np.array_equal(read_array(file), values)
    expected = torch.from_numpy(values / 32767.5 - 1).float()
    assert torch.allclose(read_picture(file, 1)[0], expected, atol=1e-6)
    # An otherwise equal file whose values are small is not taken for 8 bits.
    dark = save(tmp_path, Image.fromarray(values // 1000), f"dark.{suffix}")
    assert read_picture(dark, 1).max() < -0.99


def test_16_bit_of_the_other_byte_order(tmp_path):
    values = np.array([[0, 1, 256], [32768, 65534, 65535]], np.uint16)
    tifffile.imwrite(tmp_path / "big.tif", values, byteorder=">")
    assert torch.allclose(read_picture(tmp_path / "big.tif", 1)[0], torch.from_numpy(values / 32767.5 - 1).float())
    np.save(tmp_path / "big.npy", values.astype(">u2"))
    assert torch.allclose(read_picture(tmp_path / "big.npy", 1)[0], torch.from_numpy(values / 32767.5 - 1).float())


def test_16_bit_colour_keeps_its_depth(tmp_path):
    values = np.random.default_rng(0).integers(0, 65536, (4, 5, 3)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "x.tif", values, photometric="rgb")
    expected = torch.from_numpy(values / 32767.5 - 1).float().permute(2, 0, 1)
    assert torch.allclose(read_picture(tmp_path / "x.tif"), expected, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_many_channels(tmp_path, dtype):
    values = (np.random.default_rng(0).random((4, 5, 6)) * (1 if dtype == np.float32 else 255)).astype(dtype)
    np.save(tmp_path / "x.npy", values)
    tifffile.imwrite(tmp_path / "x.tif", values, photometric="minisblack", planarconfig="contig")
    assert read_picture(tmp_path / "x.npy", 6).shape == (6, 4, 5)
    assert torch.equal(read_picture(tmp_path / "x.npy", 6), read_picture(tmp_path / "x.tif", 6))


def test_palette_pictures_show_their_colours(tmp_path):
    picture = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8), "P")
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    expected = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [0, 255, 0]]], np.uint8)
    assert np.array_equal(read_array(save(tmp_path, picture)), expected)
    unused = save(tmp_path, picture, "y.png", transparency=3)  # a colour that no pixel has
    assert np.array_equal(read_array(unused), expected)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "F", "I"])
def test_every_mode_of_pillow(mode):
    white = Image.new("L", (4, 3), 255)
    picture = (white.convert("RGB") if mode == "HSV" else white).convert(mode)
    if mode == "F":
        picture = picture.point(lambda value: value / 255)
    if mode == "I":
        picture = picture.point(lambda value: value * 257)
    assert (read_picture(picture) == 1).all()
    assert read_picture(picture).shape == (3, 3, 4)


def test_cmyk_and_transparency_in_files(tmp_path):
    red = Image.new("RGB", (8, 8), (255, 0, 0))
    array = read_array(save(tmp_path, red.convert("CMYK"), "x.jpg", quality=100)).astype(int)
    assert np.abs(array - (255, 0, 0)).max() <= 3
    opaque = Image.new("RGBA", (2, 2), (10, 20, 30, 255))
    assert (read_array(save(tmp_path, opaque)) == (10, 20, 30)).all()
    grey = Image.new("LA", (2, 2), (10, 255))
    assert np.array_equal(read_array(save(tmp_path, grey)), np.full((2, 2), 10))
    for clear in (Image.new("RGBA", (2, 2), (10, 20, 30, 0)), Image.new("LA", (2, 2), (10, 128))):
        with pytest.raises(ZooError, match=r"x\.png: the picture has transparent pixels"):
            read_array(save(tmp_path, clear))
    indexed = Image.fromarray(np.zeros((2, 2), np.uint8), "P")
    indexed.putpalette([255, 0, 0])
    with pytest.raises(ZooError, match="transparent pixels"):
        read_array(save(tmp_path, indexed, transparency=0))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(tmp_path, orientation):
    picture = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = save(tmp_path, picture, exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(file)))
    assert np.array_equal(read_array(file), expected)
    assert height_width(file) == expected.shape
    assert (expected.shape == (3, 2)) == (orientation >= 5)


@pytest.mark.parametrize("name", ["x.webp", "x.gif", "x.png", "x.tif"])
def test_several_frames_are_refused_and_one_is_read(tmp_path, name):
    frames = [Image.new("L", (4, 4), level) for level in (10, 200)]
    options = {"lossless": True} if name == "x.webp" else {}
    file = save(tmp_path, frames[0], name, save_all=True, append_images=frames[1:], **options)
    with pytest.raises(ZooError, match="holds 2 pictures"):
        read_array(file)
    assert (read_array(save(tmp_path, frames[0], name, **options)) == 10).all()


BROKEN = {
    "text.png": b"this is no picture",
    "empty.jpg": b"",
    "cut.png": None,
    "cut.jpg": None,
    "empty.npy": b"",
    "text.npy": b"\x93NUMPY and then nothing",
    "text.tif": b"II*\0 and then nothing",
}


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow's, of text.tif
@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_give_one_sentence(tmp_path, name):
    file = tmp_path / name
    if BROKEN[name] is None:
        Image.effect_noise((64, 64), 80).save(file)
        file.write_bytes(file.read_bytes()[:1500])
    else:
        file.write_bytes(BROKEN[name])
    with pytest.raises(ZooError) as error:
        read_picture(file)
    message = str(error.value)
    assert message.startswith(f"{file}: ")
    assert message.endswith(".")
    assert "\n" not in message
    assert not is_whole(file)


def test_pickles_are_not_loaded(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ZooError, match=r"x\.npy: the picture cannot be read"):
        read_picture(tmp_path / "x.npy")


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(ZooError, match=r"none\.png: there is no such file"):
        read_picture(tmp_path / "none.png")
    with pytest.raises(ZooError, match=r"cannot be read"):
        read_picture(tmp_path)


def test_arrays_out_of_range():
    for value in (1.5, -1.0, np.nan, 300):
        array = np.full((2, 2, 3), value)
        with pytest.raises(ZooError, match=r"give uint8, uint16, or floats in \[0, 1\]"):
            read_picture(array)
    for array in (np.zeros(3, np.uint8), np.zeros((0, 2, 3), np.uint8), np.zeros((1, 2, 2, 3), np.uint8)):
        with pytest.raises(ZooError, match="a picture has the shape"):
            read_picture(array)
    assert read_picture(np.array([[True, False]]), 1).flatten().tolist() == [1, -1]


def test_tensors():
    image = torch.rand(3, 4, 5)
    assert read_picture(image) is image
    for wrong in (torch.rand(1, 4, 5), torch.rand(4, 5), torch.zeros(3, 4, 5, dtype=torch.uint8)):
        with pytest.raises(ZooError, match=r"takes floats in \[-1, 1\] of shape \(3, height, width\)"):
            read_picture(wrong)


def test_tensors_out_of_range():
    image = torch.rand(3, 4, 5)
    assert read_picture(torch.full((3, 4, 5), 1.0005)).max() > 1  # a rounding error is none of ours
    for value in (float("nan"), float("inf"), 1.1, -2.0, 255.0):
        image[1, 2, 3] = value
        with pytest.raises(ZooError, match=r"tensor with values from .* takes finite floats in \[-1, 1\]"):
            read_picture(image)


def test_resize(tmp_path):
    array = np.asarray(Image.effect_noise((40, 30), 80).convert("RGB"))
    expected = np.asarray(Image.fromarray(array).resize((25, 12), Image.Resampling.BICUBIC)).astype(int)
    ours = resize(decode_picture(array), (12, 25)).permute(1, 2, 0).numpy()
    assert np.abs(ours - expected).max() <= 1
    assert resize(read_picture(array), 16).shape == (3, 16, 16)
    assert resize(read_picture(array), 64).abs().max() <= 1
    labels = resize(decode_picture(array), [50, 60], nearest=True)
    assert set(np.unique(labels)) <= set(np.unique(array))


def test_save_leaves_nothing_half_written(tmp_path):
    class Failing(Image.Image):
        def save(self, file, *args):
            file.write_bytes(b"half")
            raise OSError("No space left on device")

    save_picture(Image.new("L", (2, 2), 7), tmp_path / "new" / "x.png")
    assert (read_array(tmp_path / "new" / "x.png") == 7).all()
    with pytest.raises(ZooError, match="space"):
        save_picture(Failing(), tmp_path / "new" / "x.png")
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["x.png"]
    assert (read_array(tmp_path / "new" / "x.png") == 7).all()


def test_label_maps_as_one_channel_for_each_label(tmp_path: Path) -> None:
    ids = np.random.default_rng(0).integers(0, 12, (9, 7), np.uint8)
    Image.fromarray(ids).save(tmp_path / "ids.png")
    Image.fromarray(colour_labels(ids, "camvid")).save(tmp_path / "colours.png")
    for file in ("ids.png", "colours.png"):
        channels = read_picture(tmp_path / file, 12, "camvid")
        assert channels.shape == (12, 9, 7)
        assert torch.equal(channels.argmax(0), torch.from_numpy(ids).long())
        assert torch.equal(channels.sum(0), torch.full((9, 7), -10.0))
    with pytest.raises(ZooError, match="label 12 has no colour"):
        read_picture(np.full((2, 2), 12, np.uint8), 12, "camvid")


def indexed(ids: np.ndarray, colours: np.ndarray) -> Image.Image:
    """A picture of mode P that shows index i in colour number i."""
    picture = Image.fromarray(ids, "P")
    picture.putpalette(colours.astype(np.uint8).tobytes())
    return picture


IDS = np.array([[0, 3, 9, 9], [11, 4, 9, 0]], np.uint8)


def test_label_maps_of_every_kind(tmp_path: Path) -> None:
    expected = torch.from_numpy(IDS).long()
    colours = colour_labels(IDS, "camvid")
    order, by_appearance = np.unique(IDS, return_inverse=True)
    kinds = {
        "grey": Image.fromarray(IDS),
        "deep": Image.fromarray(IDS.astype(np.uint16)),
        "long": Image.fromarray(IDS.astype(np.int32)),
        "colours": Image.fromarray(colours),
        "opaque": Image.fromarray(colours).convert("RGBA"),
        # Ids, whatever colours show them; or colours of the palette, at any indices.
        "ids": indexed(IDS, np.random.default_rng(0).integers(0, 256, (256, 3))),
        "black": indexed(IDS, np.zeros((256, 3))),
        "shown": indexed(IDS, palette_colours("camvid")),
        "meant": indexed(by_appearance.reshape(IDS.shape).astype(np.uint8), palette_colours("camvid")[order]),
    }
    for kind, picture in kinds.items():
        assert torch.equal(read_labels(picture, 12, "camvid"), expected), kind
        file = save(tmp_path, picture, f"{kind}.tif" if kind == "long" else f"{kind}.png")
        assert torch.equal(read_labels(file, 12, "camvid"), expected), kind
    for held in (IDS, IDS.astype(np.int64), colours, expected):
        assert torch.equal(read_labels(held, 12, "camvid"), expected)
    for kind in ("grey", "ids", "shown"):
        assert torch.equal(read_labels(tmp_path / f"{kind}.png", 12), expected)


def test_indexed_ids_that_share_a_colour(tmp_path: Path) -> None:
    """Cityscapes' palette shows five labels in black and two in one blue; the indices tell them apart."""
    ids = np.arange(35, dtype=np.uint8).reshape(5, 7)
    file = save(tmp_path, indexed(ids, palette_colours("cityscapes")))
    assert torch.equal(read_labels(file, 35, "cityscapes"), torch.from_numpy(ids).long())


def test_labels_out_of_range_say_what_to_do(tmp_path: Path) -> None:
    file = save(tmp_path, Image.fromarray(np.array([[0, 255]], np.uint8)))
    with pytest.raises(ZooError, match=rf"^{file}: label 255 is not among 0 to 11; .*or set dont_care to 255"):
        read_labels(file, 12)
    assert read_labels(file, 12, dont_care=255).tolist() == [[0, 11]]
    with pytest.raises(ZooError, match=r"label 12 is not among 0 to 11; correct it, or set labels\.$"):
        read_labels(torch.tensor([[12, 3]]), 12)
    with pytest.raises(ZooError, match="label -1 is not among 0 to 11"):
        read_labels(np.array([[-1, 3]]), 12)


def test_what_is_no_label_or_instance_map(tmp_path: Path) -> None:
    rgb = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(ZooError, match=r"label map: .*not uint8 of shape \(2, 2, 3\); for colours, say which palette"):
        read_labels(rgb, 12)
    for wrong in (np.zeros((2, 2)), np.zeros((2, 2, 5), np.uint8)):
        with pytest.raises(ZooError, match="a label map has ids in one channel"):
            read_labels(wrong, 12, "camvid")
        with pytest.raises(ZooError, match="an instance map has ids in one channel"):
            read_instances(wrong)
    photograph = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    with pytest.raises(ZooError, match=r"instance map: 3,07\d instances in 3,072 pixels: this is no instance map"):
        read_instances(photograph)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    broken = save(tmp_path, indexed(noise, np.zeros((256, 3))))
    broken.write_bytes(broken.read_bytes()[:2000])
    with Image.open(broken) as opened:
        for picture, start in ((broken, str(broken)), (opened, "label map")):
            with pytest.raises(ZooError, match=f"^{start}: .*cannot be read"):
                read_labels(picture, 12)
    frames = [indexed(np.full((2, 2), value, np.uint8), np.eye(3) * 255) for value in (0, 1)]
    with pytest.raises(ZooError, match=r"x\.gif: the file holds 2 pictures"):
        read_labels(save(tmp_path, frames[0], "x.gif", save_all=True, append_images=frames[1:]), 12)
    with pytest.raises(ZooError, match=r"none\.png: there is no such file"):
        read_instances(tmp_path / "none.png")


def test_instance_maps_of_every_depth(tmp_path: Path) -> None:
    small, deep = np.array([[0, 7, 200]], np.uint8), np.array([[7, 26001, 33001]], np.uint16)
    long = np.array([[7, 33001, 5_000_000]], np.int32)
    panoptic = np.stack([long % 256, long // 256 % 256, long // 65536], -1).astype(np.uint8)
    for name, array in (("x.png", small), ("y.png", deep), ("y.tif", deep), ("z.tif", long), ("p.png", panoptic)):
        expected = torch.from_numpy((long if name == "p.png" else array).astype(np.int64))
        assert torch.equal(read_instances(save(tmp_path, Image.fromarray(array), name)), expected), name
        assert torch.equal(read_instances(Image.fromarray(array)), expected)
        assert torch.equal(read_instances(array), expected)
    np.save(tmp_path / "x.npy", long.astype(np.int64) * 1000)
    assert torch.equal(read_instances(tmp_path / "x.npy"), torch.from_numpy(long.astype(np.int64) * 1000))
    picture = indexed(small, np.random.default_rng(0).integers(0, 256, (256, 3)))
    assert read_instances(picture).tolist() == small.tolist()
    assert read_instances(save(tmp_path, picture)).tolist() == small.tolist()
    assert read_instances(torch.from_numpy(small)).tolist() == small.tolist()


def test_edges_of_instances_are_two_pixels_wide() -> None:
    instance = torch.tensor([[7, 7, 7, 7], [7, 26001, 26001, 7], [7, 26001, 26001, 7], [7, 7, 7, 7]])
    edges = instance_edges(torch.stack([instance, torch.full((4, 4), 7)]))
    assert edges.shape == (2, 1, 4, 4)
    assert edges.dtype == torch.float32
    assert edges[0, 0].tolist() == [[0, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1], [0, 1, 1, 0]]
    assert not edges[1].any()
    halves = torch.tensor([1, 1, 2, 2]).expand(1, 4, 4)
    assert instance_edges(halves)[0, 0].tolist() == [[0, 1, 1, 0]] * 4
    assert instance_edges(halves.mT)[0, 0].tolist() == [[0] * 4, [1] * 4, [1] * 4, [0] * 4]
    assert instance_edges(torch.ones(1, 1, 1, dtype=torch.long)).tolist() == [[[[0]]]]
