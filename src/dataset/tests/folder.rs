//! Folders: a directory per label, and Hugging Face's image folders.

use super::{check, check_in, dir};

#[test]
fn labels_are_the_first_directories() {
    check(
        &[
            ("cat/2.jpg", b""),
            ("cat/10.JPG", b""),
            ("cat/small/1.Jpeg", b""),
            ("golden retriever/1.png", b""),
            ("0.webp", b""),
            ("empty/", b""),
            ("x.jpg/y.tif", b""),
            ("a|b/1.gif", b""),
        ],
        "",
        "- 0.webp []
         - a|b/1.gif [a|b]
         - cat/10.JPG [cat]
         - cat/2.jpg [cat]
         - cat/small/1.Jpeg [cat]
         - golden retriever/1.png [golden retriever]
         - x.jpg/y.tif [x.jpg]",
    );
    check(&[("1.JPG", b"")], "1.JPG", "- ~/1.JPG []");
}

#[test]
fn what_is_no_image_is_passed_over_and_counted() {
    check(
        &[
            ("cat/1.jpg", b""),
            ("cat/Thumbs.db", b""),
            ("cat/notes.txt", b""),
            ("README", b""),
            (".DS_Store", b""),
            ("cat/.hidden.jpg", b""),
            (".git/1.jpg", b""),
        ],
        "",
        "- cat/1.jpg [cat]
         note: ~/: passed over 3 files with extensions that no image has (the first: README)",
    );
    check(
        &[("1.jpg", b""), ("labels.csv", b"image,label\n1.jpg,cat\n")],
        "",
        "- 1.jpg []
         note: ~/: passed over 1 file with extensions that no image has (the first: labels.csv)
         note: ~/: `labels.csv` is not read; give it as --images if it is the manifest of this folder",
    );
}

#[test]
fn no_image_at_all_is_told_with_what_was_looked_for() {
    let looked =
        "looked for .jpg .jpeg .jfif .png .webp .gif .bmp .tif .tiff, also in its directories";
    let check = |files: &[(&str, &[u8])], expected: &str| check(files, "", expected);
    check(
        &[],
        &format!("error: ~/: no images in this folder (0 other files); {looked}"),
    );
    check(
        &[("cat/", b""), ("dog/a.heic", b"")],
        &format!("error: ~/: no images in this folder (1 other file); {looked}"),
    );
    check(
        &[("m.jsonl", b"")],
        &format!(
            "error: ~/: no images in this folder (1 other file); {looked}; if `m.jsonl` lists them, give it as --images"
        ),
    );
}

#[test]
fn splits_are_labels_like_others_and_it_is_told() {
    check(
        &[
            ("train/cat/1.jpg", b""),
            ("train/dog/1.jpg", b""),
            ("Test/cat/1.jpg", b""),
        ],
        "",
        "- Test/cat/1.jpg [Test]
         - train/cat/1.jpg [train]
         - train/dog/1.jpg [train]
         note: ~/: its directories have the names of splits (Test, train), and these are taken for labels; give one of them as --images if the labels are the directories in it",
    );
    // A train is a train.
    check(
        &[("train/1.jpg", b""), ("car/old/1.jpg", b"")],
        "",
        "- car/old/1.jpg [car]
         - train/1.jpg [train]",
    );
    check(&[("train/1.jpg", b"")], "", "- train/1.jpg [train]");
}

#[test]
fn metadata_of_hugging_face_lists_the_images_of_its_folder() {
    check(
        &[
            (
                "metadata.csv",
                b"file_name,label\ncat/1.jpg,dog\n2.jpg,cat\n",
            ),
            ("cat/1.jpg", b""),
            ("2.jpg", b""),
        ],
        "",
        "2 cat/1.jpg [dog]
         3 2.jpg [cat]",
    );
    // `file_name` comes before `image`, which is often a caption or an id there.
    check(
        &[
            ("metadata.jsonl", b"{\"image\": \"x\", \"file_name\": \"1.jpg\", \"label\": \"cat\"}\n"),
            ("1.jpg", b""),
            ("sub/3.jpg", b""),
            ("2.png", b""),
            ("notes.txt", b""),
        ],
        "",
        "1 1.jpg [cat]
         note: ~/metadata.jsonl: does not list 2 images that lie beside it; left out (the first: 2.png)",
    );
}

#[test]
fn metadata_may_lie_in_each_split_beside_other_directories() {
    check(
        &[
            ("train/metadata.jsonl", b"{\"file_name\": \"1.jpg\", \"label\": \"cat\"}\n"),
            ("train/1.jpg", b""),
            ("test/metadata.csv", b"file_name,label\n1.jpg,dog\n../other/2.jpg,dog\n"),
            ("test/1.jpg", b""),
            ("test/9.jpg", b""),
            ("bird/3.jpg", b""),
        ],
        "",
        "- bird/3.jpg [bird]
         2 test/1.jpg [dog]
         3 test/../other/2.jpg [dog]
         1 train/1.jpg [cat]
         note: ~/test/metadata.csv: does not list 1 image that lies beside it; left out (the first: 9.jpg)",
    );
}

#[test]
fn faults_of_metadata_name_it() {
    check(
        &[("a/metadata.csv", b"file_name,label\n"), ("b/1.jpg", b"")],
        "",
        "error: ~/a/metadata.csv: no images are listed (it holds column names and no row); expected rows with a column `image` and a column `label`",
    );
    check(
        &[
            ("metadata.csv", b"file_name\n1.jpg\n"),
            ("metadata.jsonl", b""),
        ],
        "",
        "error: ~/: holds metadata.csv and metadata.jsonl; keep one, or give one of them as the manifest",
    );
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_not_in_circles() {
    use std::os::unix::fs::symlink;
    let dir = dir(&[("real/cat/1.jpg", b""), ("photos/dog/1.jpg", b"")]);
    let at = |path: &str| dir.path().join(path);
    symlink(at("real/cat"), at("photos/cat")).unwrap();
    symlink(at("real/cat/1.jpg"), at("photos/dog/2.jpg")).unwrap();
    symlink(at("photos"), at("photos/dog/up")).unwrap();
    symlink(at("nowhere"), at("photos/dog/3.jpg")).unwrap();
    check_in(
        &dir,
        "photos",
        "- cat/1.jpg [cat]
         - dog/1.jpg [dog]
         - dog/2.jpg [dog]
         - dog/3.jpg [dog]",
    );
}

#[cfg(target_os = "linux")]
#[test]
fn names_need_not_be_text() {
    use std::os::unix::ffi::OsStrExt;
    let dir = dir(&[]);
    let folder = dir.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("1.jpg"), b"").unwrap();
    let dataset = crate::dataset::open(dir.path()).unwrap();
    assert_eq!(
        dataset.item(0).picture().path(),
        Some(&*folder.join("1.jpg"))
    );
    assert_eq!(dataset.item(0).labels(), ["caf\u{fffd}"]);
}
