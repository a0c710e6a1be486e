//! Which way is up: the EXIF orientation, found and applied as Pillow's `exif_transpose` does.

use super::Rgb;

const ORIENTATION: u16 = 0x0112;

/// Reads integers of a TIFF structure at an offset, if they are inside the data.
struct Reader<'a> {
    data: &'a [u8],
    big: bool,
}

impl Reader<'_> {
    fn of(data: &[u8]) -> Option<Reader<'_>> {
        let big = match data.first_chunk::<4>()? {
            b"MM\0\x2a" => true,
            b"II\x2a\0" => false,
            _ => return None,
        };
        Some(Reader { data, big })
    }

    fn short(&self, at: usize) -> Option<u16> {
        let b = *self.data.get(at..)?.first_chunk()?;
        Some(if self.big {
            u16::from_be_bytes(b)
        } else {
            u16::from_le_bytes(b)
        })
    }

    fn long(&self, at: usize) -> Option<u32> {
        let b = *self.data.get(at..)?.first_chunk()?;
        Some(if self.big {
            u32::from_be_bytes(b)
        } else {
            u32::from_le_bytes(b)
        })
    }

    /// Offset of the last entry for a tag in the first directory, if it holds a single value.
    fn entry(&self, tag: u16) -> Option<usize> {
        let ifd = self.long(4)? as usize;
        let count = usize::from(self.short(ifd)?);
        (0..count)
            .map_while(|i| {
                let at = ifd + 2 + i * 12;
                Some((at, self.short(at)?))
            })
            .filter(|&(at, found)| found == tag && self.long(at + 4) == Some(1))
            .map(|(at, _)| at)
            .last()
    }
}

/// Where the value of a tag with one 16-bit value lies in a (classic) TIFF file, and whether the
/// file is big-endian.
pub(super) fn value_of(data: &[u8], tag: u16) -> Option<(usize, bool)> {
    const SHORT: u16 = 3;
    let reader = Reader::of(data)?;
    let entry = reader
        .entry(tag)
        .filter(|at| reader.short(at + 2) == Some(SHORT))?;
    reader.short(entry + 8).map(|_| (entry + 8, reader.big))
}

/// The orientation tag of a TIFF structure, which is what EXIF data is and how a TIFF file starts.
///
/// Lenient, as the data often is damaged: whatever cannot be read means no orientation.
pub(super) fn from_tiff(data: &[u8]) -> Option<u8> {
    let reader = Reader::of(data)?;
    let entry = reader.entry(ORIENTATION)?;
    let value = match reader.short(entry + 2)? {
        1 => u32::from(*data.get(entry + 8)?),
        3 => u32::from(reader.short(entry + 8)?),
        4 => reader.long(entry + 8)?,
        _ => return None,
    };
    u8::try_from(value).ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of (tag, type, count, the four value bytes).
    fn tiff(big: bool, entries: &[(u16, u16, u32, [u8; 4])]) -> Vec<u8> {
        let short = |v: u16| {
            if big {
                v.to_be_bytes()
            } else {
                v.to_le_bytes()
            }
        };
        let long = |v: u32| {
            if big {
                v.to_be_bytes()
            } else {
                v.to_le_bytes()
            }
        };
        let mut out = if big {
            b"MM\0\x2a".to_vec()
        } else {
            b"II\x2a\0".to_vec()
        };
        out.extend(long(8));
        out.extend(short(entries.len() as u16));
        for (tag, kind, count, value) in entries {
            out.extend(short(*tag));
            out.extend(short(*kind));
            out.extend(long(*count));
            out.extend(value);
        }
        out
    }

    #[test]
    fn the_tag_is_found_or_there_is_none() {
        let check = |data: &[u8], right: Option<u8>| assert_eq!(from_exif(data), right, "{data:?}");
        check(&tiff(false, &[(0x112, 3, 1, [6, 0, 0, 0])]), Some(6));
        check(
            &tiff(true, &[(0x10f, 2, 9, [0; 4]), (0x112, 3, 1, [0, 8, 0, 0])]),
            Some(8),
        );
        check(&tiff(true, &[(0x112, 4, 1, [0, 0, 0, 3])]), Some(3));
        check(&tiff(false, &[(0x112, 3, 2, [6, 0, 6, 0])]), None);
        check(&tiff(false, &[(0x112, 4, 1, [255; 4])]), None);
        check(&tiff(false, &[(0x112, 5, 1, [6, 0, 0, 0])]), None);
        let good = tiff(false, &[(0x112, 3, 1, [6, 0, 0, 0])]);
        check(&[b"Exif\0\0Exif\0\0", good.as_slice()].concat(), Some(6));
        for length in 0..good.len() - 3 {
            check(&good[..length], None);
        }
        let mut far = good;
        far[4..8].copy_from_slice(&[255; 4]);
        check(&far, None);
    }

    #[test]
    fn xmp_has_two_spellings() {
        let check =
            |packet: &str, right| assert_eq!(from_xmp(packet.as_bytes()), right, "{packet}");
        check("<a tiff:Orientation=\"6\"/>", Some(6));
        check("<tiff:Orientation>3</tiff:Orientation>", Some(3));
        check("tiff:Orientation tiff:Orientation=\"x\"", None);
        check("tiff:Orientation", None);
    }

    #[test]
    fn turns() {
        let check = |orientation: u8, right: (u32, u32, &[u8])| {
            // 1 2 3
            // 4 5 6
            let data = (1..=6).flat_map(|v| [v, v, v]).collect();
            let turned = upright(
                Rgb {
                    width: 3,
                    height: 2,
                    data,
                },
                orientation,
            );
            let levels: Vec<u8> = turned.data.iter().step_by(3).copied().collect();
            assert_eq!(
                (turned.width, turned.height, levels.as_slice()),
                right,
                "{orientation}"
            );
        };
        check(0, (3, 2, &[1, 2, 3, 4, 5, 6]));
        check(1, (3, 2, &[1, 2, 3, 4, 5, 6]));
        check(2, (3, 2, &[3, 2, 1, 6, 5, 4]));
        check(3, (3, 2, &[6, 5, 4, 3, 2, 1]));
        check(4, (3, 2, &[4, 5, 6, 1, 2, 3]));
        check(5, (2, 3, &[1, 4, 2, 5, 3, 6]));
        check(6, (2, 3, &[4, 1, 5, 2, 6, 3]));
        check(7, (2, 3, &[6, 3, 5, 2, 4, 1]));
        check(8, (2, 3, &[3, 6, 2, 5, 1, 4]));
        check(9, (3, 2, &[1, 2, 3, 4, 5, 6]));
    }
}
