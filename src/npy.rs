//! NumPy's `.npy` files of rows × columns: written in format 1.0, little-endian, C order; read in every version and order.

use std::io::{self, Read, Seek, SeekFrom, Write};

use half::f16;

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

impl Element for u8 {
    const DESCR: &'static str = "|u1";

    fn bytes(self) -> impl AsRef<[u8]> {
        [self]
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

/// A file of `f32` rows that is written as they come: how many they are is put in its head at the end.
pub struct Rows<W> {
    to: W,
    cols: usize,
    rows: usize,
}

impl<W: Write + Seek> Rows<W> {
    /// # Errors
    /// Those of `to`.
    pub fn new(mut to: W, cols: usize) -> io::Result<Self> {
        to.write_all(&header::<f32>(0, cols))?;
        Ok(Self { to, cols, rows: 0 })
    }

    /// Adds whole rows.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn push(&mut self, values: &[f32]) -> io::Result<()> {
        self.rows += values.len() / self.cols.max(1);
        write(&mut self.to, values)
    }

    /// The number of rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Completes the file.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn finish(mut self) -> io::Result<()> {
        // As long as that of no rows: both end at the first multiple of 64 bytes that has room for any number.
        self.to.seek(SeekFrom::Start(0))?;
        self.to.write_all(&header::<f32>(self.rows, self.cols))?;
        self.to.flush()
    }
}

/// How the numbers of a file are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    F16,
    F32,
    F64,
}

impl Stored {
    fn size(self) -> usize {
        match self {
            Self::F16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// The number of these bytes, little-endian.
    fn value(self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            (Self::F16, &[a, b]) => f16::from_le_bytes([a, b]).to_f32(),
            (Self::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            (Self::F64, &[a, b, c, d, e, f, g, h]) => {
                f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32
            }
            _ => unreachable!("the bytes are as many as the number has"),
        }
    }
}

impl Stored {
    /// Whether the number of these bytes is infinite itself.
    fn is_infinite(self, bytes: &[u8]) -> bool {
        match <[u8; 8]>::try_from(bytes) {
            Ok(bytes) if self == Self::F64 => f64::from_le_bytes(bytes).is_infinite(),
            _ => true,
        }
    }
}

/// What a file's head says.
struct Head {
    stored: Stored,
    is_big_endian: bool,
    is_fortran: bool,
    rows: usize,
    cols: usize,
}

/// Reads rows × columns of f16, f32 or f64 as f32, in row-major order: the number of columns, and the values.
///
/// # Errors
/// What is wrong with the file, in words.
pub fn read(from: &mut impl Read) -> Result<(usize, Vec<f32>), String> {
    let head = read_head(from)?;
    let size = head.stored.size();
    let too_large = || format!("{} × {} numbers are too many", head.rows, head.cols);
    let count = head.rows.checked_mul(head.cols).ok_or_else(too_large)?;
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| too_large())?;
    // A multiple of every size.
    let mut buffer = vec![0; 1 << 16];
    while values.len() < count {
        let part = ((count - values.len()) * size).min(buffer.len());
        let part = &mut buffer[..part];
        from.read_exact(part).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => format!(
                "ends after {} of {} × {} numbers: is it complete?",
                values.len(),
                head.rows,
                head.cols
            ),
            _ => error.to_string(),
        })?;
        if head.is_big_endian {
            part.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
        for bytes in part.chunks_exact(size) {
            let value = head.stored.value(bytes);
            if value.is_infinite() && !head.stored.is_infinite(bytes) {
                return Err(format!(
                    "holds a number too large for 32 bits, the {}th",
                    values.len() + 1
                ));
            }
            values.push(value);
        }
    }
    if head.is_fortran {
        let at = |i: usize| values[i % head.cols * head.rows + i / head.cols];
        values = (0..count).map(at).collect();
    }
    Ok((head.cols, values))
}

fn read_head(from: &mut impl Read) -> Result<Head, String> {
    let mut take = |count: usize| {
        let mut bytes = vec![0; count];
        from.read_exact(&mut bytes)
            .map(|()| bytes)
            .map_err(|_| "no .npy file of NumPy: it is too short".to_owned())
    };
    let start = take(8)?;
    if !start.starts_with(b"\x93NUMPY") {
        return Err("no .npy file of NumPy; write it with numpy.save".to_owned());
    }
    let length = match start[6] {
        1 => usize::from(u16::from_le_bytes(take(2)?.try_into().unwrap_or_default())),
        _ => u32::from_le_bytes(take(4)?.try_into().unwrap_or_default()) as usize,
    };
    const LONGEST: usize = 1 << 20;
    if length > LONGEST {
        return Err("a .npy file whose head is damaged".to_owned());
    }
    let text = String::from_utf8_lossy(&take(length)?).into_owned();
    let after = |key: &str| {
        let at = text.find(key).map(|at| text[at + key.len()..].trim_start());
        at.ok_or_else(|| format!("a .npy file whose head has no {key}"))
    };
    let descr = after("'descr':")?;
    let descr = descr
        .trim_start_matches('\'')
        .split('\'')
        .next()
        .unwrap_or("");
    let stored = match descr.trim_start_matches(['<', '>', '=', '|']) {
        "f2" => Stored::F16,
        "f4" => Stored::F32,
        "f8" => Stored::F64,
        _ => {
            return Err(format!(
                "holds `{descr}`, not floating-point numbers: save it as float32"
            ));
        }
    };
    let shape = after("'shape':")?;
    let inside = shape
        .trim_start_matches('(')
        .split(')')
        .next()
        .unwrap_or("");
    let sizes: Vec<usize> = inside
        .split(',')
        .filter_map(|n| n.trim().parse().ok())
        .collect();
    let [rows, cols] = sizes[..] else {
        return Err(format!(
            "has the shape ({inside}); expected two dimensions, a row for each image or text"
        ));
    };
    Ok(Head {
        stored,
        is_big_endian: descr.starts_with('>'),
        is_fortran: after("'fortran_order':")?.starts_with("True"),
        rows,
        cols,
    })
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
        assert!(String::from_utf8_lossy(&header::<u8>(1, 1)).contains("'|u1'"));
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

    fn file(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
        let order = if fortran { "True" } else { "False" };
        let text =
            format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let length = (text.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], text.as_bytes(), data].concat()
    }

    #[test]
    fn every_order_and_precision_is_read() {
        let values = [1.0f32, -2.5, 0.0, 4.0, 0.5, 6.0];
        let expected = Ok((3, values.to_vec()));
        let little: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let big: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
        let half: Vec<u8> = (values.iter())
            .flat_map(|&v| f16::from_f32(v).to_le_bytes())
            .collect();
        let double: Vec<u8> = (values.iter())
            .flat_map(|&v| f64::from(v).to_le_bytes())
            .collect();
        let columns = [1.0f32, 4.0, -2.5, 0.5, 0.0, 6.0];
        let columns: Vec<u8> = columns.iter().flat_map(|v| v.to_le_bytes()).collect();
        for (descr, fortran, data) in [
            ("<f4", false, &little),
            (">f4", false, &big),
            ("<f2", false, &half),
            ("<f8", false, &double),
            ("<f4", true, &columns),
        ] {
            let file = file(descr, fortran, "(2, 3)", data);
            assert_eq!(read(&mut &file[..]), expected, "{descr} {fortran}");
        }
        let mut own = header::<f32>(2, 3);
        write(&mut own, &values).unwrap();
        assert_eq!(read(&mut &own[..]), expected);
        // The same bytes, whatever is told of the rows at first.
        let mut streamed = io::Cursor::new(Vec::new());
        let mut rows = Rows::new(&mut streamed, 3).unwrap();
        rows.push(&values[..3]).unwrap();
        rows.push(&values[3..]).unwrap();
        assert_eq!(rows.rows(), 2);
        rows.finish().unwrap();
        assert_eq!(streamed.into_inner(), own);
        let longest = header::<f32>(usize::MAX, usize::MAX).len();
        assert_eq!(header::<f32>(0, 1).len(), longest);
    }

    #[test]
    fn what_is_no_matrix_is_told() {
        let data = [0; 24];
        for (file, said) in [
            (b"PK\x03\x04 something".to_vec(), "numpy.save"),
            (b"\x93NUM".to_vec(), "too short"),
            (file("<i8", false, "(2, 3)", &data), "`<i8`"),
            (file("<f4", false, "(6,)", &data), "(6,)"),
            (file("<f4", false, "(2, 4)", &data), "ends after 0 of 2 × 4"),
            (
                file("<f4", false, "(9999999999, 9999999999)", &data),
                "too many",
            ),
        ] {
            let error = read(&mut &file[..]).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
