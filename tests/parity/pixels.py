"""What Pillow decodes and what transformers' CLIPImageProcessor makes of pictures.

Writes small pictures of every kind that the decoder must read, and `expected.json` with the
SHA-256 of the reference's pixels, into tests/fixtures/pixels/; tests/it/pixels.rs compares to the
bit. Run it from the root of the repository, with torch, torchvision, transformers and Pillow
installed:

    python tests/parity/pixels.py

Sources of the resizing cases are not stored: `noise` makes them here and in the Rust test.
"""

import hashlib
import io
import json
import pathlib
import warnings

import numpy as np
import odd_files
import PIL
import torch
import torchvision
import transformers
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo
from transformers import CLIPImageProcessor
from transformers.image_transforms import convert_to_rgb

warnings.filterwarnings("ignore")
OUT = pathlib.Path("tests/fixtures/pixels")


def sha(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def noise(width, height, seed):
    """Interleaved RGB from an integer hash of the position."""
    h = np.arange(width * height * 3, dtype=np.uint64) + np.uint64(seed * 7919)
    h = (h * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)
    h ^= h >> np.uint64(15)
    h = (h * np.uint64(2246822519)) & np.uint64(0xFFFFFFFF)
    return (h >> np.uint64(24)).astype(np.uint8).reshape(height, width, 3)


def picture(width, height, channels=3, seed=0):
    """Something between a photograph and noise, which exercises chroma upsampling."""
    rng = np.random.default_rng(seed + 1000 * width + height)
    coarse = rng.integers(0, 256, (height // 7 + 2, width // 7 + 2, channels), dtype=np.uint8)
    planes = [Image.fromarray(coarse[..., c]).resize((width, height), Image.BICUBIC) for c in range(channels)]
    smooth = np.stack([np.asarray(p) for p in planes], -1).astype(int)
    return (smooth + rng.integers(-9, 10, smooth.shape)).clip(0, 255).astype(np.uint8)


def deep_grey():
    """16-bit greys, of which Pillow's conversion clips those above 255."""
    return (np.arange(61 * 37, dtype=np.uint32) * 29 % 700).astype(np.uint16).reshape(37, 61)


def files():
    """Name → bytes of a file."""
    made = {}

    def save(name, image, **options):
        buffer = io.BytesIO()
        formats = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP", "tif": "TIFF"}
        image.save(buffer, formats[name.rsplit(".")[-1]], **options)
        made[name] = buffer.getvalue()

    rgb = Image.fromarray(picture(61, 37))
    rgba = Image.fromarray(picture(61, 37, 4))
    cmyk = Image.frombytes("CMYK", (61, 37), picture(61, 37, 4).tobytes())
    grey, bits = rgb.convert("L"), rgb.convert("1")
    palette = rgb.quantize(50)
    wide = rgb.resize((640, 17))

    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        for progressive in (False, True):
            kind = "progressive" if progressive else "baseline"
            name = f"jpeg_{sampling.replace(':', '')}_{kind}.jpg"
            save(name, rgb, quality=80, subsampling=sampling, progressive=progressive)
    for quality in (10, 95, 100):
        save(f"jpeg_q{quality}.jpg", rgb, quality=quality)
    save("jpeg_wide.jpg", wide, quality=70)
    save("jpeg_grey.jpg", grey)
    save("jpeg_cmyk.jpg", cmyk, quality=80)
    save("jpeg_cmyk_420.jpg", cmyk, quality=80, subsampling="4:2:0")
    save("jpeg_rgb.jpg", rgb, keep_rgb=True)
    save("jpeg_restart.jpg", rgb, restart_marker_blocks=1)
    save("jpeg_1x1.jpg", Image.fromarray(picture(1, 1)))
    made["jpeg_trailing.jpg"] = made["jpeg_q10.jpg"] + b"trailing bytes"

    for kind, image in {"rgb": rgb, "grey": grey, "alpha": rgba, "grey_alpha": rgba.convert("LA"), "palette": palette, "palette4": rgb.quantize(13), "bits": bits}.items():
        save(f"png_{kind}.png", image)
    save("png_palette_alpha.png", palette, transparency=bytes(range(0, 250, 5)))
    save("png_grey_key.png", grey, transparency=grey.getpixel((3, 3)))
    save("png_rgb_key.png", rgb, transparency=rgb.getpixel((3, 3)))
    save("png_animated.png", rgb, save_all=True, append_images=[rgb.rotate(180)])
    save("png_animated_default.png", rgb, save_all=True, default_image=True, append_images=[rgb.rotate(180)])
    save("gif_palette.gif", palette)
    save("gif_animated.gif", palette, save_all=True, append_images=[palette.rotate(180)])
    save("gif_transparent.gif", palette, transparency=5)
    for kind, image in {"rgb": rgb, "alpha": rgba}.items():
        save(f"webp_{kind}_lossy.webp", image, quality=80)
        save(f"webp_{kind}_lossless.webp", image, lossless=True, exact=True)
    save("webp_animated.webp", rgb, save_all=True, append_images=[rgb.rotate(180)], lossless=True)
    for kind, image in {"rgb": rgb, "grey": grey, "palette": palette, "bits": bits}.items():
        save(f"bmp_{kind}.bmp", image)
    tiffs = {"rgb": rgb, "grey": grey, "alpha": rgba, "grey_alpha": rgba.convert("LA"), "bits": bits, "palette": palette, "cmyk": cmyk}
    for kind, image in tiffs.items():
        save(f"tiff_{kind}.tif", image, compression="tiff_lzw")
    save("tiff_unspecified.tif", rgb.convert("RGBX"), compression="tiff_lzw")
    for ending in ("png", "tif"):
        save(f"deep_grey.{ending}", Image.fromarray(deep_grey()))
    save("tiff_pages.tif", rgb, save_all=True, append_images=[rgb.rotate(180)], compression="tiff_adobe_deflate")

    for orientation in range(10):
        exif = Image.Exif()
        exif[0x112] = orientation
        save(f"exif_{orientation}.jpg", rgb, exif=exif.tobytes())
    exif = Image.Exif()
    exif[0x110] = "a model whose name does not fit into the entry"
    exif[0x112] = 6
    exif.endian = ">"
    for ending in ("jpg", "png", "webp"):
        save(f"exif_motorola.{ending}", rgb, exif=exif.tobytes())
    save("exif.tif", rgb, exif=exif, compression="tiff_lzw")
    xmp = '<rdf:Description tiff:Orientation="8"/>'
    save("xmp.jpg", rgb, xmp=xmp.encode())
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp)
    save("xmp.png", rgb, pnginfo=text)
    save("xmp.tif", rgb, tiffinfo={700: xmp.encode()}, compression="tiff_lzw")
    for kind, image in {"rgb": rgb, "grey": grey, "cmyk": cmyk}.items():
        save(f"tiff_jpeg_{kind}.tif", image, compression="jpeg", quality=80)
    return made


CONFIGS = [
    {},
    {"size": 336, "crop_size": 336},
    {"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}, "resample": 3},
    {"size": {"height": 100, "width": 150}, "do_center_crop": False},
    {"size": 32, "crop_size": {"height": 32, "width": 20}, "resample": 2},
    {"size": 48, "crop_size": 64},
    {"do_resize": False},
    {"do_normalize": False, "size": 60, "crop_size": 61},
    {"do_rescale": False, "size": 64, "crop_size": 50},
    {"size": 5, "crop_size": 5},
    {"size": 64, "crop_size": 50, "resample": 0},
    {"size": [50, 70], "crop_size": [40, 80], "resample": 1},
    {"size": 70, "crop_size": 64, "default_to_square": True, "do_normalize": None, "resample": 1},
    {"size": {"height": 40, "width": 300}, "crop_size": {"height": 100, "width": 200}, "resample": 2},
    {"rescale_factor": 0.0078431, "image_mean": [0.5, 0.4, 0.5], "image_std": [0.5, 0.25, 0.5]},
]


def resizing():
    fixed = [(1, 1), (20000, 20), (20, 20000), (1, 3000), (3000, 1), (224, 224), (224, 500), (300, 224), (223, 223), (225, 224), (448, 448), (2, 3), (1500, 1000)]
    rng = np.random.default_rng(7)
    pairs = [(size, config) for size in fixed for config in (0, 1, 3, 9)]
    for i in range(120):
        size = np.exp(rng.uniform(0, np.log(1200), 2)) if i % 3 == 0 else rng.integers(1, 700, 2)
        pairs.append((tuple(int(x) for x in size), i % len(CONFIGS)))
    for seed, ((width, height), config) in enumerate(pairs):
        image = noise(width, height, seed)
        options = CONFIGS[config]
        raw = CLIPImageProcessor(**{**options, "do_normalize": False, "do_rescale": False})
        crop = raw(images=Image.fromarray(image), return_tensors="pt")["pixel_values"][0]
        assert crop.dtype == torch.uint8
        full = CLIPImageProcessor(**options)
        tensor = full(images=Image.fromarray(image), return_tensors="pt")["pixel_values"][0]
        yield {
            "width": width,
            "height": height,
            "seed": seed,
            "config": config,
            "crop": sha(crop.permute(1, 2, 0).numpy()),
            "tensor": sha(tensor.numpy().astype("<f4")),
        }


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    made = files() | odd_files.files()
    refused = odd_files.refused()
    for old in sorted(OUT.iterdir()):
        # Pillow cannot write these chroma samplings; mozjpeg's encoder made the files.
        if old.name.startswith("jpeg_mozjpeg_"):
            made[old.name] = old.read_bytes()
        old.unlink()
    decoding = []
    for name, content in made.items():
        (OUT / name).write_bytes(content)
        if name in odd_files.TRUTHS:
            # Pillow reads these wrongly.
            pixels = odd_files.TRUTHS[name]
        else:
            image = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
            pixels = convert_to_rgb(image, return_numpy=True)
        decoding.append({"file": name, "width": pixels.shape[1], "height": pixels.shape[0], "rgb": sha(pixels)})
    for name, content in refused.items():
        (OUT / name).write_bytes(content)
    expected = {
        "made_with": {"pillow": PIL.__version__, "torch": torch.__version__, "torchvision": torchvision.__version__, "transformers": transformers.__version__},
        "configs": CONFIGS,
        "decoding": decoding,
        "refused": sorted(refused),
        "resizing": list(resizing()),
    }
    lines = json.dumps(expected, indent=1)
    (OUT / "expected.json").write_text(lines + "\n")


if __name__ == "__main__":
    main()
