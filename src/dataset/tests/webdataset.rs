//! Tar archives as data sets.

use super::{check_in, dir, told};
use crate::dataset::{LabelIndex, LabelSet, Resolver, open, resolve_labels};
use crate::taxonomy::load_str;

/// The archive of these members (name, content), as GNU tar writes it.
fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// What is found in an archive of these members, with these files beside it. The places of images are checked by reading them: each
/// has its name as its content.
#[track_caller]
fn check(files: &[(&str, &[u8])], members: &[(&str, &[u8])], expected: &str) {
    let archive = tar(members);
    let files = [files, &[("a.tar", &archive)]].concat();
    let dir = dir(&files);
    check_in(&dir, "a.tar", expected);
    let Ok(dataset) = open(&dir.path().join("a.tar")) else {
        return;
    };
    for item in dataset.items() {
        let found = item.picture().read().unwrap().into_owned();
        assert_eq!(String::from_utf8(found).unwrap(), item.name());
    }
}

#[test]
fn consecutive_members_of_one_name_are_a_sample() {
    let members: &[(&str, &[u8])] = &[
        ("0001.cls", b"cat\n"),
        ("0001.jpg", b"0001.jpg"),
        ("0001.txt", b"a cat on a mat"),
        ("0002.JPEG", b"0002.JPEG"),
        (
            "0002.json",
            br#"{"Label": "dog", "labels": ["animal", "dog"], "width": 3}"#,
        ),
        ("0002.txt", b"a dog"),
        ("b.c/0003.png", b"b.c/0003.png"),
        ("b.c/0003.txt", b" bird | animal "),
        ("0004.cls", b"lonely"),
        ("0005.image.webp", b"0005.image.webp"),
        ("0005.json", br#"{"caption": "five"}"#),
        ("._0006.jpg", b"a resource fork"),
        ("__meta__/0007.jpg", b"for WebDataset"),
        ("README", b"no extension"),
    ];
    check(
        &[],
        members,
        "- 0001.jpg [cat] -> ~/a.tar@1536+8
         - 0002.JPEG [dog, animal] -> ~/a.tar@3584+9
         - b.c/0003.png [bird, animal] -> ~/a.tar@6656+12
         - 0005.image.webp [] -> ~/a.tar@9728+15
         note: ~/a.tar: passed over 1 sample without an image",
    );
}

#[test]
fn of_several_images_the_plain_one_is_read() {
    check(
        &[],
        &[
            ("1.mask.png", b"a mask"),
            ("1.png", b"1.png"),
            ("1.depth.png", b"depths"),
            ("1.cls", b"cat"),
        ],
        "- 1.png [cat] -> ~/a.tar@1536+5
         note: ~/a.tar: 2 samples have several images, of which one is read (left out, the first: 1.mask.png)",
    );
}

#[test]
fn numbers_are_named_by_the_file_beside_the_archive_or_above_it() {
    let members: &[(&str, &[u8])] = &[("1.cls", b"1"), ("1.jpg", b"1.jpg")];
    check(&[], members, "- 1.jpg [1] -> ~/a.tar@1536+5");
    check(
        &[("classes.txt", b"cat\ndog\n\n")],
        members,
        "- 1.jpg [dog] -> ~/a.tar@1536+5
         note: ~/a.tar: its classes are numbers, which ~/classes.txt names",
    );
    check(
        &[("classnames.txt", b"cat\n")],
        members,
        "error: ~/a.tar: 1.jpg: the class 1 is beyond ~/classnames.txt, which has 1 names, numbered from 0",
    );
    check(
        &[("classes.txt", b"cat\n\ndog")],
        members,
        "error: ~/classes.txt:2: blank, and every line is the name of a class, this one of number 1",
    );
    // As CLIP benchmark lays them out.
    let archive = tar(members);
    let dir = dir(&[("test/0.tar", &archive), ("classnames.txt", b"cat\ndog")]);
    let found = told(dir.path(), "test");
    assert!(found.contains("0.tar/1.jpg [dog]"), "{found}");
    // An index that somebody chose is asked for the numbers.
    let dataset = open(&dir.path().join("test")).unwrap();
    assert_eq!(dataset.item(0).numbers(), ["1"]);
    let taxonomy = load_str("t.yaml", "nodes: {cat: {}, dog: {}, cow: {}}");
    let taxonomy = taxonomy.taxonomy.unwrap();
    let path = dir.path().join("index.txt");
    std::fs::write(&path, "dog\ncow\n").unwrap();
    let index = LabelIndex::read(&path, &taxonomy).unwrap();
    for (index, expected) in [(None, "dog"), (Some(&index), "cow")] {
        let mut resolver = Resolver::new(&taxonomy, index);
        let found = resolve_labels(&dataset, &mut resolver);
        let node = taxonomy.find(expected).unwrap();
        assert_eq!(found, [LabelSet::Labels(vec![node])]);
    }
}

#[test]
fn an_archive_of_a_folder_is_labelled_by_its_directories() {
    check(
        &[],
        &[
            ("./cat/1.jpg", b"cat/1.jpg"),
            ("dog/2.jpg", b"dog/2.jpg"),
            ("3.jpg", b"3.jpg"),
        ],
        "- cat/1.jpg [cat] -> ~/a.tar@512+9
         - dog/2.jpg [dog] -> ~/a.tar@1536+9
         - 3.jpg [] -> ~/a.tar@2560+5",
    );
    check(
        &[],
        &[("3.jpg", b"3.jpg")],
        "- 3.jpg [] -> ~/a.tar@512+5
         note: ~/a.tar: no .cls, no .txt and no .json with `label`, so its images are unlabelled",
    );
}

#[test]
fn names_of_more_than_a_hundred_bytes_are_read() {
    let name = format!("{}/1.jpg", "deep/".repeat(40));
    let name = name.replace("//", "/");
    check(
        &[],
        &[(&name, name.as_bytes())],
        &format!("- {name} [deep] -> ~/a.tar@{}+{}", 3 * 512, name.len()),
    );
    // As POSIX writes them: a header of `path=…` before the member's own, whose size stands there too.
    let mut builder = tar::Builder::new(Vec::new());
    let size = name.len().to_string();
    let pax = [("path", name.as_bytes()), ("size", size.as_bytes())];
    builder.append_pax_extensions(pax).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_path("1.jpg").unwrap();
    header.set_size(name.len() as u64);
    header.set_cksum();
    builder.append(&header, name.as_bytes()).unwrap();
    let dir = dir(&[("p.tar", &builder.into_inner().unwrap())]);
    let dataset = open(&dir.path().join("p.tar")).unwrap();
    assert_eq!(dataset.item(0).name(), name);
    assert_eq!(*dataset.item(0).picture().read().unwrap(), *name.as_bytes());
}

#[test]
fn several_archives_are_a_folder_or_a_pattern() {
    let members = |i: u8| tar(&[("1.cls", &[b'a' + i]), ("1.jpg", &[i])]);
    let (first, second) = (members(0), members(1));
    let dir = dir(&[
        ("s/00.tar", &first),
        ("s/01.tar", &second),
        ("s/sizes.json", b"{}"),
    ]);
    let expected = "- 00.tar/1.jpg [a] -> ~/s/00.tar@1536+1
         - 01.tar/1.jpg [b] -> ~/s/01.tar@1536+1";
    check_in(&dir, "s", expected);
    check_in(&dir, "s/{00..01}.tar", expected);
    check_in(
        &dir,
        "s/{01,00}.tar",
        &expected.lines().rev().collect::<Vec<_>>().join("\n"),
    );
    check_in(
        &dir,
        "s/{00..02}.tar",
        "error: ~/s/{00..02}.tar: there is no file `~/s/02.tar`, which the pattern stands for",
    );
    let dataset = open(&dir.path().join("s")).unwrap();
    assert_eq!(*dataset.item(1).picture().read().unwrap(), [1]);
    assert!(dataset.place(1).ends_with("s/01.tar (1.jpg)"));
}

#[test]
fn what_is_cut_off_is_read_up_to_there() {
    let whole = tar(&[
        ("1.cls", b"cat"),
        ("1.jpg", &[1; 600]),
        ("2.cls", b"dog"),
        ("2.jpg", &[2; 600]),
    ]);
    let at = |length: usize| {
        let dir = dir(&[("a.tar", &whole[..length])]);
        told(dir.path(), "a.tar")
    };
    // Blocks: 1.cls 0 and 1, 1.jpg 2 to 4, 2.cls 5 and 6, 2.jpg 7 to 9, two of zeros.
    let both = "- 1.jpg [cat] -> ~/a.tar@1536+600\n- 2.jpg [dog] -> ~/a.tar@4096+600\n";
    assert_eq!(at(whole.len()), both);
    assert_eq!(
        at(10 * 512),
        format!(
            "{both}note: ~/a.tar: ends without the mark of a tar's end, so it may be cut off\n"
        )
    );
    // The image that is not whole is there, and cannot be read.
    assert_eq!(
        at(4100),
        format!(
            "{both}note: ~/a.tar: damaged or cut off at byte 4100 (in the middle of 2.jpg); it is read up to there, 2 images\n"
        )
    );
    let first = "- 1.jpg [cat] -> ~/a.tar@1536+600\n";
    for (length, end) in [(5 * 512 + 100, 2560), (7 * 512 + 1, 3584)] {
        let found = at(length);
        let note = format!("note: ~/a.tar: damaged or cut off at byte {end} (");
        assert!(found.contains(first) && found.contains(&note), "{found}");
        assert!(!found.contains("2.jpg"), "{found}");
    }
    let mut damaged = whole.clone();
    damaged[5 * 512 + 3] ^= 1;
    let dir = dir(&[("a.tar", &damaged)]);
    let found = told(dir.path(), "a.tar");
    assert!(
        found.contains("cut off at byte 2560 (archive header checksum mismatch)"),
        "{found}"
    );
}

#[test]
fn what_is_no_archive_of_images_is_refused() {
    let label = |name: &str, content: &[u8]| tar(&[("1.jpg", b"1.jpg"), (name, content)]);
    for (content, expected) in [
        (b"no tar at all".to_vec(), "no tar archive ("),
        (vec![b'x'; 2048], "no tar archive ("),
        (Vec::new(), "no images in 1 archive (0 samples without one)"),
        (
            tar(&[("1.cls", b"3")]),
            "no images in 1 archive (1 sample without one)",
        ),
        (label("1.json", b"{"), "1.json: not JSON: "),
        (
            label("1.json", br#"{"label": {"a": 1}}"#),
            "1.json: `label`: expected text, a number",
        ),
        (label("1.cls", b"\xff"), "1.cls: not UTF-8"),
        (
            label("1.cls", b"['a', 'b']"),
            "1.cls: `['a', 'b']` is a list as Python prints it",
        ),
    ] {
        let dir = dir(&[("a.tar", &content)]);
        let found = told(dir.path(), "a.tar");
        let expected = format!("error: ~/a.tar: {expected}");
        assert!(found.starts_with(&expected), "{found} is not {expected}");
    }
    // A message has nothing of the file that could steer a terminal.
    let steering = dir(&[("a.tar", &b"\x1b[2J\x07".repeat(400))]);
    let found = told(steering.path(), "a.tar");
    assert!(!found.trim_end().contains(char::is_control), "{found:?}");
    let dir = dir(&[("a.tar.gz", b""), ("b.TGZ", b"")]);
    for name in ["a.tar.gz", "b.TGZ"] {
        assert!(told(dir.path(), name).contains("decompress it first"));
    }
}
