//! What kind of file some bytes are, by content: names lie.

use image::ImageFormat;

use super::orientation;

/// What the first bytes say.
pub(super) enum Kind {
    Jpeg,
    /// Read by the `image` crate.
    Other(ImageFormat),
    /// Recognised and not read, or not recognised: what to call it.
    Unsupported(&'static str),
}

pub(super) fn kind(bytes: &[u8]) -> Kind {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let at =
        |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|b| b.starts_with(magic));
    if bytes.is_empty() {
        return Kind::Unsupported("an empty file");
    }
    if starts(b"\xff\xd8\xff") {
        return Kind::Jpeg;
    }
    if starts(b"\x89PNG\r\n\x1a\n") {
        return Kind::Other(ImageFormat::Png);
    }
    if starts(b"GIF87a") || starts(b"GIF89a") {
        return Kind::Other(ImageFormat::Gif);
    }
    if starts(b"RIFF") && at(8, b"WEBP") {
        return Kind::Other(ImageFormat::WebP);
    }
    if starts(b"II\x2a\0") || starts(b"MM\0\x2a") || starts(b"II\x2b\0") || starts(b"MM\0\x2b") {
        return Kind::Other(ImageFormat::Tiff);
    }
    // Two letters are little evidence; the size of the header that follows settles it.
    let sizes = [12u8, 40, 52, 56, 64, 108, 124];
    if starts(b"BM") && sizes.iter().any(|&size| at(14, &[size, 0, 0, 0])) {
        return Kind::Other(ImageFormat::Bmp);
    }
    Kind::Unsupported(unsupported(bytes))
}

/// Whether a file holds greys of 16 bits, which [`decode`](super::decode) clips at 255 as the reference does: worth a
/// word to the user, since most such pictures become white.
pub fn is_deep_grey(bytes: &[u8]) -> bool {
    const BITS_PER_SAMPLE: u16 = 258;
    const SAMPLES_PER_PIXEL: u16 = 277;
    match kind(bytes) {
        // Depth and colour type in the header.
        Kind::Other(ImageFormat::Png) => bytes.get(24..26) == Some(&[16, 0]),
        Kind::Other(ImageFormat::Tiff) => {
            let number = |tag| orientation::number_of(bytes, tag);
            number(BITS_PER_SAMPLE) == Some(16.0)
                && number(SAMPLES_PER_PIXEL).is_none_or(|samples| samples == 1.0)
        }
        _ => false,
    }
}

fn unsupported(bytes: &[u8]) -> &'static str {
    let at =
        |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|b| b.starts_with(magic));
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    if bytes.iter().all(|&b| b == 0) {
        return "a file of zero bytes only";
    }
    if at(4, b"ftyp") {
        return match bytes.get(8..12).unwrap_or_default() {
            b"avif" | b"avis" => "an AVIF picture",
            b"heic" | b"heix" | b"hevc" | b"heim" | b"heis" | b"mif1" | b"msf1" => "a HEIC picture",
            _ => "an MP4 or QuickTime film",
        };
    }
    let magics: [(&[u8], &str); 20] = [
        (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
        (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
        (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
        (b"\xff\x0a", "a JPEG XL picture"),
        (b"8BPS", "a Photoshop file"),
        (b"\0\0\x01\0", "a Windows icon"),
        (b"qoif", "a QOI picture"),
        (b"DDS ", "a DDS texture"),
        (b"%PDF", "a PDF file"),
        (b"%!PS", "a PostScript file"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x1f\x8b", "a gzip file"),
        (b"P1", "a PNM picture"),
        (b"P2", "a PNM picture"),
        (b"P3", "a PNM picture"),
        (b"P4", "a PNM picture"),
        (b"P5", "a PNM picture"),
        (b"P6", "a PNM picture"),
        (b"P7", "a PNM picture"),
        (
            b"version https://git-lfs",
            "a Git LFS pointer, not the file itself (run `git lfs pull`)",
        ),
    ];
    if let Some((_, name)) = magics.iter().find(|(magic, _)| starts(magic)) {
        return name;
    }
    let head = &bytes[..bytes.len().min(1024)];
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The cut may fall inside a character.
        Err(e) if e.error_len().is_none() => {
            std::str::from_utf8(&head[..e.valid_up_to()]).unwrap_or("")
        }
        Err(_) => return "an unknown format",
    };
    if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return "an unknown format";
    }
    let lower = text
        .trim_start_matches('\u{feff}')
        .trim_start()
        .to_ascii_lowercase();
    if lower.contains("<svg") {
        "an SVG drawing"
    } else if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
        "an HTML page"
    } else {
        "a text file"
    }
}
