//! NumPy's `.npy` files, format 1.0: little-endian, C order, rows × columns.

use std::io::{self, Write};

/// A number that NumPy knows.
pub trait Element: Copy {
    /// As NumPy names it.
    const DESCR: &'static str;

    /// The number's bytes, little-endian.
    fn bytes(self) -> impl AsRef<[u8]>;
}

impl Element for f32 {
    const DESCR: &'static str = "<f4";

    fn bytes(self) -> impl AsRef<[u8]> {
        self.to_le_bytes()
    }
}

impl Element for f64 {
    const DESCR: &'static str = "<f8";

    fn bytes(self) -> impl AsRef<[u8]> {
        self.to_le_bytes()
    }
}

/// What stands before the values: magic, version, and a description that ends at a multiple of 64 bytes.
pub fn header<T: Element>(rows: usize, cols: usize) -> Vec<u8> {
    /// Magic, version and length.
    const BEFORE: usize = 10;
    let mut text = format!(
        "{{'descr': '{}', 'fortran_order': False, 'shape': ({rows}, {cols}), }}",
        T::DESCR
    );
    let whole = (BEFORE + text.len() + 1).next_multiple_of(64);
    text.push_str(&" ".repeat(whole - BEFORE - text.len() - 1));
    text.push('\n');
    // Two numbers of at most twenty digits are far from filling 64 KiB.
    let length = text.len() as u16;
    [
        b"\x93NUMPY\x01\x00",
        &length.to_le_bytes()[..],
        text.as_bytes(),
    ]
    .concat()
}

/// Writes values, row after row.
///
/// # Errors
/// Those of `out`.
pub fn write<T: Element>(out: &mut impl Write, values: &[T]) -> io::Result<()> {
    values
        .iter()
        .try_for_each(|value| out.write_all(value.bytes().as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_laid_out_as_numpy_reads_it() {
        // The description is the longer the larger the shape is; the data start at a multiple of 64 all the same.
        for rows in [0, 3, 12_345, 1_234_567_890, usize::MAX] {
            let bytes = header::<f32>(rows, 2);
            assert_eq!(bytes.len() % 64, 0);
            let length = u16::from_le_bytes([bytes[8], bytes[9]]);
            assert_eq!(10 + usize::from(length), bytes.len());
            let text = std::str::from_utf8(&bytes[10..]).unwrap();
            assert!(text.ends_with('\n') && !text.starts_with(' '), "{text}");
            assert!(text.contains("'descr': '<f4'"), "{text}");
            assert!(text.contains(&format!("'shape': ({rows}, 2)")), "{text}");
        }
        assert!(String::from_utf8_lossy(&header::<f64>(1, 1)).contains("'<f8'"));
        let mut values = Vec::new();
        write(&mut values, &[1.0f32, -2.5]).unwrap();
        write(&mut values, &[3.0f64]).unwrap();
        let expected = [
            &1f32.to_le_bytes()[..],
            &(-2.5f32).to_le_bytes(),
            &3f64.to_le_bytes(),
        ];
        assert_eq!(values, expected.concat());
    }
}
