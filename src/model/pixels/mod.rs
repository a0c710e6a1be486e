//! From the bytes of an image file to the tensor that an image tower takes.
//!
//! Accuracy is only comparable between programs that see the same pixels, so this room follows
//! the reference to the bit where the reference is well defined: JPEG as libjpeg-turbo decodes
//! it, resizing as torchvision's antialiased 8-bit filters, cropping and normalising as
//! transformers' `CLIPImageProcessor`. open_clip is another reference, with other rules: see [`Reference`].
//!
//! - [`read`]: bytes → [`Picture`], upright, bombs refused; [`decode`]: the same → [`Rgb`], alpha composited on white.
//! - [`Preprocess`]: `preprocessor_config.json` → resize, centre crop, rescale, normalise.

mod config;
mod decode;
mod gif;
mod jpeg;
mod orientation;
mod picture;
mod png;
mod preprocess;
mod resize;
mod sniff;
mod tiff;

pub use config::{Preprocess, PreprocessError, Reference, Resample, Resize};
pub use decode::{DecodeError, DecodeOptions, MAX_PIXELS, decode, read};
pub use picture::{Picture, Transparency};
pub use sniff::is_deep_grey;

/// An 8-bit RGB picture, interleaved, row by row from the top left.
///
/// `data` holds `3 × width × height` bytes and both sides are at least 1; [`decode`] returns
/// nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rgb {
    pub width: u32,
    pub height: u32,
    pub data: Vec<u8>,
}
