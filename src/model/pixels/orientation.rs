//! Which way is up: the EXIF orientation, found and applied as Pillow's `exif_transpose` does.

use super::Rgb;

/// The orientation tag of a TIFF structure, which is what EXIF data is and how a TIFF file starts.
///
/// Lenient, as the data often is damaged: whatever cannot be read means no orientation.
pub(super) fn from_tiff(data: &[u8]) -> Option<u8> {
    const ORIENTATION: u16 = 0x0112;
    let big = match data.first_chunk::<4>()? {
        b"MM\0\x2a" => true,
        b"II\x2a\0" => false,
        _ => return None,
    };
    let short = |at: usize| -> Option<u16> {
        let b = *data.get(at..)?.first_chunk()?;
        Some(if big {
            u16::from_be_bytes(b)
        } else {
            u16::from_le_bytes(b)
        })
    };
    let long = |at: usize| -> Option<u32> {
        let b = *data.get(at..)?.first_chunk()?;
        Some(if big {
            u32::from_be_bytes(b)
        } else {
            u32::from_le_bytes(b)
        })
    };
    let ifd = long(4)? as usize;
    let mut found = None;
    for i in 0..usize::from(short(ifd)?) {
        let entry = ifd.checked_add(2 + i * 12)?;
        let Some(tag) = short(entry) else { break };
        if tag != ORIENTATION || long(entry + 4) != Some(1) {
            continue;
        }
        // BYTE, SHORT or LONG; the last entry counts.
        found = match short(entry + 2) {
            Some(1) => data.get(entry + 8).map(|&b| u32::from(b)),
            Some(3) => short(entry + 8).map(u32::from),
            Some(4) => long(entry + 8),
            _ => found,
        };
    }
    found.map(|value| u8::try_from(value).unwrap_or(0))
}

/// The orientation tag of EXIF data, with or without the `Exif` prefix of JPEG.
pub(super) fn from_exif(data: &[u8]) -> Option<u8> {
    let mut data = data;
    for _ in 0..2 {
        data = data.strip_prefix(b"Exif\0\0").unwrap_or(data);
    }
    from_tiff(data)
}

/// `tiff:Orientation` in an XMP packet, as an attribute or as an element.
pub(super) fn from_xmp(packet: &[u8]) -> Option<u8> {
    const NAME: &[u8] = b"tiff:Orientation";
    packet
        .windows(NAME.len())
        .enumerate()
        .filter(|(_, w)| *w == NAME)
        .find_map(|(at, _)| {
            let rest = &packet[at + NAME.len()..];
            let rest = rest
                .strip_prefix(b"=\"")
                .or_else(|| rest.strip_prefix(b">"))?;
            rest.first()
                .filter(|b| b.is_ascii_digit())
                .map(|b| b - b'0')
        })
}

/// Turns the picture upright. Values other than 2 to 8 leave it as it is.
pub(super) fn upright(image: Rgb, orientation: u8) -> Rgb {
    let (w, h) = (image.width as usize, image.height as usize);
    let transposed = match orientation {
        2..=4 => false,
        5..=8 => true,
        _ => return image,
    };
    let mut image = image;
    if !transposed {
        if orientation != 4 {
            for row in image.data.chunks_exact_mut(w * 3) {
                reverse_pixels(row);
            }
        }
        if orientation != 2 {
            for y in 0..h / 2 {
                let (upper, lower) = image.data.split_at_mut((h - 1 - y) * w * 3);
                upper[y * w * 3..][..w * 3].swap_with_slice(&mut lower[..w * 3]);
            }
        }
        return image;
    }
    // Column x of the source becomes row x (5, 6) or row w−1−x (7, 8); its pixels run down (5, 8)
    // or up (6, 7). In square tiles, so that both sides stay in the cache.
    const TILE: usize = 32;
    let mut data = vec![0; image.data.len()];
    for tile_y in (0..h).step_by(TILE) {
        for tile_x in (0..w).step_by(TILE) {
            for x in tile_x..(tile_x + TILE).min(w) {
                let row = if matches!(orientation, 5 | 6) {
                    x
                } else {
                    w - 1 - x
                };
                for y in tile_y..(tile_y + TILE).min(h) {
                    let column = if matches!(orientation, 5 | 8) {
                        y
                    } else {
                        h - 1 - y
                    };
                    let pixel = &image.data[(y * w + x) * 3..][..3];
                    data[(row * h + column) * 3..][..3].copy_from_slice(pixel);
                }
            }
        }
    }
    Rgb {
        width: image.height,
        height: image.width,
        data,
    }
}

fn reverse_pixels(row: &mut [u8]) {
    let n = row.len() / 3;
    for x in 0..n / 2 {
        let (left, right) = row.split_at_mut((n - 1 - x) * 3);
        left[x * 3..][..3].swap_with_slice(&mut right[..3]);
    }
}
