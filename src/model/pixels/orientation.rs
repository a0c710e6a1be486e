//! Which way is up: the EXIF orientation, found and applied as Pillow's `exif_transpose` does.

use super::Rgb;

const ORIENTATION: u16 = 0x0112;

/// Reads numbers of a TIFF structure at an offset, if they are inside the data.
struct Reader<'a> {
    data: &'a [u8],
    big_endian: bool,
    /// BigTIFF: counts and offsets of 64 bits.
    wide: bool,
}

impl Reader<'_> {
    fn of(data: &[u8]) -> Option<Reader<'_>> {
        let (big_endian, wide) = match data.first_chunk::<4>()? {
            b"II\x2a\0" => (false, false),
            b"MM\0\x2a" => (true, false),
            b"II\x2b\0" => (false, true),
            b"MM\0\x2b" => (true, true),
            _ => return None,
        };
        Some(Reader {
            data,
            big_endian,
            wide,
        })
    }

    /// The unsigned integer of `size` bytes (at most 8) at an offset.
    fn unsigned(&self, at: usize, size: usize) -> Option<u64> {
        let bytes = self.data.get(at..at.checked_add(size)?)?;
        let push = |n: u64, b: &u8| n << 8 | u64::from(*b);
        Some(if self.big_endian {
            bytes.iter().fold(0, push)
        } else {
            bytes.iter().rev().fold(0, push)
        })
    }

    /// Type and place of the value of the first entry for a tag in the first directory whose type is known and whose
    /// value is inside the data; repetitions after it do not count.
    fn find(&self, tag: u16) -> Option<(u64, usize)> {
        let pointer = if self.wide { 8 } else { 4 };
        let (count_size, entry_size) = if self.wide { (8, 20) } else { (2, 12) };
        let directory = usize::try_from(self.unsigned(pointer, pointer)?).ok()?;
        let first = directory.checked_add(count_size)?;
        (0..self.unsigned(directory, count_size)?)
            .map_while(|i| {
                let at = usize::try_from(i).ok()?.checked_mul(entry_size)?;
                let at = first.checked_add(at)?;
                Some((at, self.unsigned(at, 2)?))
            })
            .filter(|&(_, found)| found == u64::from(tag))
            .find_map(|(at, _)| {
                let kind = self.unsigned(at + 2, 2)?;
                let unit = match kind {
                    1 | 2 | 6 | 7 => 1,
                    3 | 8 => 2,
                    4 | 9 | 11 | 13 => 4,
                    5 | 10 | 12 | 16 => 8,
                    _ => return None,
                };
                let size = self.unsigned(at + 4, pointer)?.checked_mul(unit)?;
                let inline = at + 4 + pointer;
                let value = if size > pointer as u64 {
                    usize::try_from(self.unsigned(inline, pointer)?).ok()?
                } else {
                    inline
                };
                let end = value.checked_add(usize::try_from(size).ok()?)?;
                (size > 0 && end <= self.data.len()).then_some((kind, value))
            })
    }

    /// The first number of a value, whatever its type; `None` for types that hold no numbers.
    fn number(&self, kind: u64, at: usize) -> Option<f64> {
        let signed = |size: usize| {
            let unused = 64 - 8 * size;
            Some(((self.unsigned(at, size)? << unused) as i64 >> unused) as f64)
        };
        match kind {
            3 => Some(self.unsigned(at, 2)? as f64),
            4 | 13 => Some(self.unsigned(at, 4)? as f64),
            5 => Some(self.unsigned(at, 4)? as f64 / self.unsigned(at + 4, 4)? as f64),
            6 => signed(1),
            8 => signed(2),
            9 => signed(4),
            10 => {
                let parts = [at, at + 4].map(|at| Some(self.unsigned(at, 4)? as u32 as i32));
                Some(f64::from(parts[0]?) / f64::from(parts[1]?))
            }
            11 => Some(f32::from_bits(self.unsigned(at, 4)? as u32).into()),
            12 => Some(f64::from_bits(self.unsigned(at, 8)?)),
            16 => Some(self.unsigned(at, 8)? as f64),
            _ => None,
        }
    }
}

/// Where the value of a tag with one 16-bit value lies in a TIFF file, and whether the file is big-endian.
pub(super) fn value_of(data: &[u8], tag: u16) -> Option<(usize, bool)> {
    const SHORT: u64 = 3;
    let reader = Reader::of(data)?;
    let (kind, at) = reader.find(tag)?;
    (kind == SHORT).then_some((at, reader.big_endian))
}

/// The first number of a tag of a TIFF file.
pub(super) fn number_of(data: &[u8], tag: u16) -> Option<f64> {
    let reader = Reader::of(data)?;
    let (kind, at) = reader.find(tag)?;
    reader.number(kind, at)
}

/// The orientation tag of a TIFF structure, which is what EXIF data is and how a TIFF file starts.
///
/// Lenient, as the data often is damaged: whatever cannot be read means no orientation. A tag that is there and is
/// none of the eight orientations gives 0: it leaves the picture as it is, and XMP is not asked.
pub(super) fn from_tiff(data: &[u8]) -> Option<u8> {
    let reader = Reader::of(data)?;
    let (kind, at) = reader.find(ORIENTATION)?;
    let known = |value: &f64| (1u8..=8).any(|o| f64::from(o) == *value);
    Some(reader.number(kind, at).filter(known).unwrap_or(0.0) as u8)
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
        // Several values: the first; several entries: the first that can be read.
        check(&tiff(false, &[(0x112, 3, 2, [6, 0, 3, 0])]), Some(6));
        let (six, three) = ([6, 0, 0, 0], [3, 0, 0, 0]);
        check(
            &tiff(false, &[(0x112, 3, 1, six), (0x112, 3, 1, three)]),
            Some(6),
        );
        check(
            &tiff(false, &[(0x112, 99, 1, six), (0x112, 3, 1, three)]),
            Some(3),
        );
        // Signed numbers and floats count, bytes and texts do not.
        for kind in [4, 6, 8, 9, 13] {
            check(&tiff(false, &[(0x112, kind, 1, six)]), Some(6));
        }
        check(&tiff(false, &[(0x112, 11, 1, 6f32.to_le_bytes())]), Some(6));
        for kind in [1, 2, 7] {
            check(&tiff(false, &[(0x112, kind, 1, six)]), Some(0));
        }
        check(&tiff(false, &[(0x112, 4, 1, [255; 4])]), Some(0));
        check(&tiff(false, &[(0x112, 3, 0, six)]), None);
        // A rational lies elsewhere; here outside of the data.
        check(&tiff(false, &[(0x112, 5, 1, [200, 0, 0, 0])]), None);
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
