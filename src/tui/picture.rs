//! Pictures of images: made ready on a thread of their own, so that no key waits for one.

use std::time::Duration;

use image::{DynamicImage, RgbImage};
use ratatui::layout::Size;
use ratatui_image::picker::cap_parser::QueryStdioOptions;
use ratatui_image::picker::{Picker, ProtocolType};
use ratatui_image::protocol::Protocol;
use ratatui_image::{FilterType, Resize};

use crate::model::pixels::{DecodeOptions, decode};

/// How pictures are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ImageProtocol {
    /// What the terminal says that it can.
    #[default]
    Auto,
    Kitty,
    Sixel,
    Iterm2,
    HalfBlocks,
    /// No pictures.
    None,
}

/// A picture that is ready to be drawn.
pub struct Drawn {
    /// The row of its image.
    pub image: usize,
    /// In pixels, as the file has it.
    pub width: u32,
    pub height: u32,
    pub protocol: Protocol,
}

impl std::fmt::Debug for Drawn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Drawn({}, {}×{})", self.image, self.width, self.height)
    }
}

/// How long the terminal may take to say what it can: most answer at once, and one that never does is waited for in vain.
const PATIENCE: Duration = Duration::from_secs(1);

/// What draws pictures on this terminal; `None`: nothing. Asks the terminal, so nobody else may be reading from it.
pub fn picker(protocol: ImageProtocol) -> Option<Picker> {
    let asked = || {
        let options = QueryStdioOptions {
            timeout: PATIENCE,
            ..QueryStdioOptions::default()
        };
        Picker::from_query_stdio_with_options(options).unwrap_or_else(|_| Picker::halfblocks())
    };
    let forced = |kind: ProtocolType| {
        // The size of a cell is asked for all the same.
        let mut picker = asked();
        picker.set_protocol_type(kind);
        Some(picker)
    };
    match protocol {
        ImageProtocol::Auto => Some(asked()),
        ImageProtocol::Kitty => forced(ProtocolType::Kitty),
        ImageProtocol::Sixel => forced(ProtocolType::Sixel),
        ImageProtocol::Iterm2 => forced(ProtocolType::Iterm2),
        ImageProtocol::HalfBlocks => Some(Picker::halfblocks()),
        ImageProtocol::None => None,
    }
}

/// Decodes a file and makes it ready for so many columns and rows.
///
/// # Errors
/// A file that cannot be decoded, or a picture that the terminal's protocol refuses.
pub fn draw(
    picker: &Picker,
    bytes: &[u8],
    image: usize,
    columns: u16,
    rows: u16,
) -> Result<Drawn, String> {
    let rgb = decode(bytes, &DecodeOptions::default()).map_err(|e| e.to_string())?;
    let (width, height) = (rgb.width, rgb.height);
    let pixels = RgbImage::from_raw(width, height, rgb.data)
        .ok_or("the picture is not as large as it says")?;
    let protocol = picker
        .new_protocol(
            DynamicImage::ImageRgb8(pixels),
            Size::new(columns.max(1), rows.max(1)),
            Resize::Scale(Some(FilterType::Triangle)),
        )
        .map_err(|e| e.to_string())?;
    Ok(Drawn {
        image,
        width,
        height,
        protocol,
    })
}
