//! The content of image files, wherever they are.

use std::sync::Arc;

use super::dir;
use crate::dataset::Picture;

#[test]
fn a_stretch_of_a_file_is_read_or_what_is_missing_is_told() {
    let dir = dir(&[("a.tar", b"0123456789"), ("folder/", b"")]);
    let archive: Arc<std::path::Path> = dir.path().join("a.tar").into();
    let read = |offset, length| {
        let archive = Arc::clone(&archive);
        let picture = Picture::Member {
            archive,
            offset,
            length,
        };
        picture.read().map(|bytes| bytes.into_owned())
    };
    assert_eq!(read(2, 3).as_deref(), Ok(&b"234"[..]));
    assert_eq!(read(10, 0).as_deref(), Ok(&b""[..]));
    for (offset, has) in [(8, 2), (10, 0), (1 << 40, 0)] {
        let why = read(offset, 3).unwrap_err();
        let part = format!("has {has} of the 3 bytes");
        assert!(why.contains(&part), "{why}");
    }
    let folder = Picture::File(dir.path().join("folder"));
    assert_eq!(folder.read().unwrap_err(), "is a directory");
}

/// A device never ends: it must not be read.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_read() {
    let zero = Picture::File("/dev/zero".into());
    assert_eq!(zero.read().unwrap_err(), "is no regular file");
}
