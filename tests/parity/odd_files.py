"""Small files of kinds that Pillow reads and cannot write, for pixels.py."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

RNG = np.random.default_rng(3)
H, W = 9, 13
# File → pixels, where Pillow is no reference.
TRUTHS = {}


def levels(bits, channels=1):
    return RNG.integers(0, 1 << bits, (H, W, channels))


def packed(rows, bits, order=">"):
    """Rows of samples as bytes, each row filled up to a whole byte."""
    if bits >= 8:
        return [row.astype(f"{order}u{bits // 8}").tobytes() for row in rows]
    shifts = [8 - bits * (i + 1) for i in range(8 // bits)]
    rows = [np.pad(row.reshape(-1), (0, -row.size % len(shifts))).reshape(-1, len(shifts)) for row in rows]
    return [bytes(sum(int(v) << s for v, s in zip(group, shifts)) for group in row) for row in rows]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(samples, bits, color, before=b"", after=b"", adam7=False, damage=lambda data: data):
    h, w, _ = samples.shape
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    parts = [samples[y::dy, x::dx] for x, y, dx, dy in passes] if adam7 else [samples]
    data = b"".join(b"\0" + row for part in parts if part.size for row in packed(part, bits))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, bits, color, 0, 0, adam7))
    picture = chunk(b"IDAT", damage(zlib.compress(data)))
    return b"\x89PNG\r\n\x1a\n" + header + before + picture + after + chunk(b"IEND", b"")


def exif(orientation, count=1, kind=3):
    return b"II\x2a\0\x08\0\0\0\x01\0" + struct.pack("<HHIHHI", 0x112, kind, count, orientation, 0, 0)


def pngs():
    key = lambda *values: chunk(b"tRNS", struct.pack(f">{len(values)}H", *values))
    deep = levels(16)
    deep[::2] %= 256
    grey = levels(2)
    grey[:3, :3] = 0
    rgb16 = levels(16, 3)
    # The colour that Pillow takes for the key: its low bytes, as the high bytes of samples.
    rgb16[2:4, 2:4] = [0x34FF, 0x78FF, 0xBCFF]
    rgb = levels(8, 3)
    made = {
        "deep_grey_key.png": png(deep, 16, 0, key(int(deep[0, 0, 0]))),
        "deep_grey_adam7.png": png(deep, 16, 0, adam7=True),
        "deep_grey_alpha.png": png(levels(16, 2), 16, 4),
        "deep_rgb.png": png(levels(16, 3), 16, 2),
        "deep_rgb_key.png": png(rgb16, 16, 2, key(0x1234, 0x5678, 0x9ABC)),
        "deep_alpha.png": png(levels(16, 4), 16, 6),
        "png_grey2_key0.png": png(grey, 2, 0, key(0)),
        "png_grey2_key1.png": png(grey, 2, 0, key(1)),
        "png_grey1_key1.png": png(levels(1), 1, 0, key(1)),
        "png_adam7_rgb_key.png": png(rgb, 8, 2, key(*map(int, rgb[4, 4])), adam7=True),
        "png_exif_after.png": png(rgb, 8, 2, after=chunk(b"eXIf", exif(6))),
    }
    hexadecimal = exif(8).hex().encode()
    profile = b"Raw profile type exif\0%s" + b"\nexif\n%8d\n" % len(exif(8)) + hexadecimal + b"\n"
    made["png_exif_text.png"] = png(rgb, 8, 2, chunk(b"tEXt", profile % b""))
    name, text = profile.split(b"%s")
    made["png_exif_compressed.png"] = png(rgb, 8, 2, chunk(b"zTXt", name + b"\0" + zlib.compress(text)))
    for kind, data in {"count2": exif(6, count=2), "byte": exif(6, kind=1), "signed": exif(6, kind=8)}.items():
        made[f"png_exif_{kind}.png"] = png(rgb, 8, 2, chunk(b"eXIf", data))
    return made


def gif(canvas, frame, at, transparent=None, background=3):
    """A file of one frame, its data in codes of five bits with a reset before the codes would grow."""
    h, w = frame.shape
    palette = RNG.integers(0, 256, 48).astype(np.uint8).tobytes()
    codes = [code for i in range(0, frame.size, 14) for code in [16, *frame.reshape(-1)[i : i + 14].tolist()]] + [17]
    bits = sum(code << (5 * i) for i, code in enumerate(codes))
    data = bits.to_bytes((5 * len(codes) + 7) // 8, "little")
    blocks = b"".join(bytes([len(part)]) + part for part in (data[i : i + 255] for i in range(0, len(data), 255)))
    control = b"" if transparent is None else b"\x21\xf9\x04\x01\0\0" + bytes([transparent]) + b"\0"
    place = struct.pack("<HHHHB", *at, w, h, 0)
    return b"GIF89a" + struct.pack("<HHBBB", *canvas, 0x83, background, 0) + palette + control + b"\x2c" + place + b"\x04" + blocks + b"\0;"


def gifs():
    frame = RNG.integers(0, 16, (H, W))
    return {
        "gif_partial.gif": gif((20, 17), frame, (4, 5)),
        "gif_partial_transparent.gif": gif((20, 17), frame, (4, 5), transparent=7),
        "gif_beyond.gif": gif((10, 10), frame, (6, 2)),
        "gif_no_canvas.gif": gif((0, 0), frame, (0, 0)),
    }


def webps():
    """An animation whose first frame covers a part of its canvas and is to be blended with nothing."""
    made = {}
    u24 = lambda v: struct.pack("<I", v)[:3]
    piece = lambda kind, data: kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    for channels, alpha in ((3, 0), (4, 0x10)):
        buffer = io.BytesIO()
        Image.fromarray(levels(8, channels).astype(np.uint8)).save(buffer, "WEBP", lossless=True, exact=True)
        still = buffer.getvalue()
        start = still.index(b"VP8L")
        size = struct.unpack("<I", still[start + 4 : start + 8])[0]
        frame = u24(2) + u24(1) + u24(W - 1) + u24(H - 1) + u24(50) + b"\0" + piece(b"VP8L", still[start + 8 : start + 8 + size])
        body = piece(b"VP8X", bytes([2 | alpha, 0, 0, 0]) + u24(29) + u24(19)) + piece(b"ANIM", b"\x10\x80\xf0\xff\0\0") + piece(b"ANMF", frame) * 2
        made[f"webp_partial_{channels}.webp"] = b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
    return made


def bmps():
    made = {}
    for kind, compression, masks in (("555", 0, ()), ("565", 3, (0xF800, 0x7E0, 0x1F))):
        rows = b"".join(row + b"\0" * (-len(row) % 4) for row in packed(levels(16), 16, "<"))
        tail = struct.pack(f"<{len(masks)}I", *masks)
        start = 54 + len(tail)
        header = struct.pack("<IHHIIiiHHIIiiII", start + len(rows), 0, 0, start, 40, W, H, 1, 16, compression, len(rows), 0, 0, 0, 0)
        made[f"bmp_{kind}.bmp"] = b"BM" + header + tail + rows
    return made


def tiff(samples, bits=8, photometric=None, order="<", planar=False, tile=None, deflated=False, predictor=False, big=False, reversed_bits=False, tags=()):
    h, w, channels = samples.shape
    blocks = []
    for plane in np.split(samples, channels, 2) if planar else [samples]:
        th, tw = tile or (4, w)
        for y in range(0, h, th):
            for x in range(0, w, tw):
                block = plane[y : y + th, x : x + tw]
                if tile:
                    block = np.pad(block, ((0, th - block.shape[0]), (0, tw - block.shape[1]), (0, 0)))
                if predictor:
                    block = np.diff(block, axis=1, prepend=0) % (1 << bits)
                data = b"".join(packed(block, bits, order))
                if reversed_bits:
                    data = bytes(int(f"{byte:08b}"[::-1], 2) for byte in data)
                blocks.append(zlib.compress(data) if deflated else data)
    offset = 16 if big else 8
    starts = [offset + sum(map(len, blocks[:i])) for i in range(len(blocks))]
    lengths = [len(block) for block in blocks]
    where = {322: [tile[1]], 323: [tile[0]], 324: starts, 325: lengths} if tile else {273: starts, 278: [4], 279: lengths}
    photometric = (2 if channels > 2 else 1) if photometric is None else photometric
    entries = {256: [w], 257: [h], 258: [bits] * channels, 259: [8 if deflated else 1], 262: [photometric], 277: [channels], 284: [2 if planar else 1], **where, **dict(tags)}
    if predictor:
        entries[317] = [2]
    if reversed_bits:
        entries[266] = [2]
    count, pointer, entry = ("Q", "Q", 20) if big else ("H", "I", 12)
    size = struct.calcsize
    body = b"".join(blocks)
    directory = offset + len(body)
    rest = directory + size(order + count) + entry * len(entries) + size(order + pointer)
    listing, values = struct.pack(order + count, len(entries)), b""
    for tag, numbers in sorted(entries.items()):
        # SHORT for what must be, LONG for places and sizes.
        kind, letter = (4, "I") if tag in (256, 257, 273, 278, 279, 322, 323, 324, 325) else (3, "H")
        data = struct.pack(f"{order}{len(numbers)}{letter}", *numbers)
        if len(data) > size(order + pointer):
            data, values = struct.pack(order + pointer, rest + len(values)), values + data
        listing += struct.pack(order + "HH" + pointer, tag, kind, len(numbers)) + data.ljust(size(order + pointer), b"\0")
    listing += struct.pack(order + pointer, 0)
    mark = b"II" if order == "<" else b"MM"
    header = struct.pack(order + "HHHQ", 43, 8, 0, directory) if big else struct.pack(order + "HI", 42, directory)
    return mark + header + body + listing + values


def tiffs():
    rgb, rgba, deep = levels(8, 3), levels(8, 4), levels(16, 3)
    rgba[:2, :, 3], rgba[2:4, :, 3] = 0, 255
    colors = RNG.integers(0, 65536, 48).tolist()
    made = {
        "tiff_planar.tif": tiff(rgb, planar=True),
        "tiff_planar_tiles.tif": tiff(rgb, planar=True, tile=(16, 16)),
        "tiff_tiles.tif": tiff(rgb, tile=(16, 16), order=">"),
        "tiff_predictor.tif": tiff(rgb, deflated=True, predictor=True),
        "tiff_predictor_unspecified.tif": tiff(rgba, deflated=True, predictor=True, tags={338: [0]}),
        "tiff_premultiplied.tif": tiff(rgba, tags={338: [1]}),
        "tiff_alpha_unsaid.tif": tiff(rgba),
        "tiff_alpha_999.tif": tiff(rgba, tags={338: [999]}),
        "tiff_big_turned.tif": tiff(rgb, big=True, tags={274: [6]}),
        "tiff_big_palette.tif": tiff(levels(4), 4, photometric=3, big=True, tags={320: colors}),
        "tiff_white_is_zero.tif": tiff(levels(4), 4, photometric=0),
        "deep_grey_white_is_zero.tif": tiff(levels(16) % 400, 16, photometric=0),
        "deep_rgb.tif": tiff(deep, 16, order=">"),
        "deep_planar.tif": tiff(deep, 16, planar=True),
    }
    for bits in (1, 4, 8):
        made[f"tiff_reversed_{bits}.tif"] = tiff(levels(bits), bits, reversed_bits=True)
    TRUTHS["deep_planar.tif"] = (deep >> 8).astype(np.uint8)
    return made


def files():
    return pngs() | gifs() | webps() | bmps() | tiffs()


def refused():
    """Files that must be told from pictures, since what they hold cannot be trusted or read."""
    buffer = io.BytesIO()
    Image.fromarray(levels(1)[..., 0].astype(bool)).save(buffer, "TIFF", compression="group3")
    return {
        "refused_checksum.png": png(levels(8, 3), 8, 2, damage=lambda data: data[:-4] + b"\0\0\0\0"),
        "refused_fax.tif": buffer.getvalue(),
        "refused_reversed_deflated.tif": tiff(levels(8), reversed_bits=True, deflated=True),
        "refused_no_frame.gif": gif((9, 9), RNG.integers(0, 16, (3, 3)), (0, 0))[:61] + b";",
    }
