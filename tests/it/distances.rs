//! `cladist distances`, and the measures against an independent implementation (`tests/parity/distances.py`).

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use cladist::score::{AllPairs, Measure, Pairwise};
use cladist::taxonomy::{NodeId, Taxonomy, load_str};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cmd::{dir, into_closed_pipe, run};

const SHAPES: &[u8] = b"\
taxonomy: shapes
tree:
  quadrilateral:
    rectangle: [square]
    rhombus: [square]
    kite:
  round: [ellipse, oval]
equivalent: [[ellipse, oval]]
";

/// A printed table: the corner, the ids of the columns, those of the rows, and the values.
struct Table {
    corner: String,
    columns: Vec<String>,
    rows: Vec<String>,
    values: Vec<Vec<f64>>,
}

impl Table {
    fn of(text: &str) -> Self {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let owned = |record: &csv::StringRecord| -> Vec<String> {
            record.iter().map(str::to_owned).collect()
        };
        let mut columns = owned(reader.headers().expect("a header"));
        let corner = columns.remove(0);
        let (mut rows, mut values) = (Vec::new(), Vec::new());
        for record in reader.records() {
            let mut record = owned(&record.expect("as many values as columns"));
            rows.push(record.remove(0));
            values.push(
                record
                    .iter()
                    .map(|v| v.parse().expect("a number"))
                    .collect(),
            );
        }
        Self {
            corner,
            columns,
            rows,
            values,
        }
    }
}

/// The values of an `.npy` file of float64, row after row, and its shape.
fn npy(bytes: &[u8]) -> (Vec<f64>, String) {
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let text = std::str::from_utf8(&bytes[10..header]).expect("a header");
    assert!(text.contains("'descr': '<f8'"), "{text}");
    let shape = text.split_once("'shape': (").expect("a shape").1;
    let shape = shape.split_once(')').expect("an end").0.to_owned();
    let values = bytes[header..].chunks_exact(8);
    assert!(values.remainder().is_empty());
    let values = values.map(|v| f64::from_le_bytes(v.try_into().unwrap()));
    (values.collect(), shape)
}

fn worlds() -> Vec<Value> {
    serde_json::from_str(include_str!("../fixtures/distances.json")).unwrap()
}

fn taxonomy(world: &Value) -> Taxonomy {
    let source = json!({ "nodes": world["nodes"], "equivalent": world["equivalent"] });
    // JSON is YAML.
    let loaded = load_str("random", &source.to_string());
    loaded.into_sound().expect("the graph is sound")
}

#[test]
fn every_measure_is_what_the_reference_computes() {
    for world in worlds() {
        let taxonomy = taxonomy(&world);
        let mut labels: Vec<NodeId> = taxonomy.nodes().collect();
        labels.sort_by_key(|&n| taxonomy.id(n));
        assert_eq!(
            world["values"].as_object().unwrap().len(),
            Measure::ALL.len()
        );
        for measure in Measure::ALL {
            let name = measure.name();
            let pairs = AllPairs::new(&taxonomy, measure, &labels);
            let rows = pairs.map(0..pairs.len(), |_, row| row.to_vec());
            let pairwise = Pairwise::new(&taxonomy, measure);
            let mut expected = world["values"][name].as_array().unwrap().iter();
            for (i, &a) in labels.iter().enumerate() {
                for (j, &b) in labels.iter().enumerate().skip(i) {
                    let expected = expected.next().and_then(Value::as_f64).unwrap();
                    for found in [rows[i][j], rows[j][i], pairwise.value(a, b)] {
                        assert!(
                            (found - expected).abs() < 1e-8,
                            "{name} of {} and {}: {found}, expected {expected}",
                            taxonomy.id(a),
                            taxonomy.id(b)
                        );
                    }
                }
            }
            assert_eq!(expected.next(), None);
        }
    }
}

/// What makes the worlds different must be in them.
#[test]
fn the_reference_has_trees_and_dags_with_one_root_and_several() {
    let mut kinds: HashMap<[bool; 3], usize> = HashMap::new();
    for world in worlds() {
        let taxonomy = taxonomy(&world);
        let counts = taxonomy.counts();
        let kind = [
            counts.roots > 1,
            counts.multi_parent > 0,
            counts.classes < counts.nodes,
        ];
        *kinds.entry(kind).or_default() += 1;
    }
    for several_roots in [true, false] {
        assert!(kinds.contains_key(&[several_roots, false, false]));
        assert!(kinds.contains_key(&[several_roots, true, false]));
        assert!(kinds.contains_key(&[several_roots, true, true]));
    }
}

#[test]
fn the_table_has_ids_above_and_beside_it() {
    let dir = dir(&[("t.yaml", SHAPES)]);
    let (code, out, err) = run(dir.path(), &["distances", "t.yaml", "--measure", "path"]);
    assert_eq!(code, 0, "{err}");
    let expected = "\
path,ellipse,kite,oval,square
ellipse,0,4,0,5
kite,4,0,4,3
oval,0,4,0,5
square,5,3,5,0
";
    assert_eq!(out, expected);
    assert!(err.starts_with("path: distance in edges: "), "{err}");
}

#[test]
fn the_choice_of_labels_says_their_order() {
    let dir = dir(&[
        ("t.yaml", SHAPES),
        (
            "some.txt",
            b"# by name, each once\nsquare\n\nROUND\nkite\nsquare\n",
        ),
    ]);
    let columns = |nodes| {
        let args = ["distances", "t.yaml", "--measure", "lin", "--nodes", nodes];
        let (code, out, err) = run(dir.path(), &args);
        assert_eq!(code, 0, "{err}");
        let table = Table::of(&out);
        assert_eq!(
            (table.corner.as_str(), &table.columns),
            ("lin", &table.rows)
        );
        for (i, row) in table.values.iter().enumerate() {
            assert_eq!((row.len(), row[i]), (table.columns.len(), 1.0));
        }
        table.columns
    };
    assert_eq!(columns("leaves"), ["ellipse", "kite", "oval", "square"]);
    assert_eq!(columns("some.txt"), ["square", "round", "kite"]);
    assert_eq!(columns("under:Rectangle"), ["rectangle", "square"]);
    assert_eq!(columns("all").len(), 8);
}

#[test]
fn both_formats_hold_the_same_values() {
    let dir = dir(&[("t.yaml", SHAPES)]);
    for measure in Measure::ALL {
        let args = |out| {
            [
                "distances",
                "t.yaml",
                "--measure",
                measure.name(),
                "--nodes",
                "all",
                "--out",
                out,
            ]
        };
        let read = |path: &str| fs::read(dir.path().join(path)).expect(path);
        for out in ["deep/d.csv", "deep/d.e.npy"] {
            let (code, printed, err) = run(dir.path(), &args(out));
            assert_eq!((code, printed.as_str()), (0, ""), "{err}");
            assert!(err.contains(&format!("written to {out}")), "{err}");
        }
        let table = Table::of(&String::from_utf8(read("deep/d.csv")).unwrap());
        let (values, shape) = npy(&read("deep/d.e.npy"));
        assert_eq!(shape, "8, 8");
        assert_eq!(values, table.values.concat());
        let labels = String::from_utf8(read("deep/d.e.labels.txt")).unwrap();
        assert_eq!(labels.lines().collect::<Vec<_>>(), table.rows);
        // The list of labels chooses the same labels again.
        let again = args("deep/again.csv");
        let again: Vec<&str> = again
            .map(|a| if a == "all" { "deep/d.e.labels.txt" } else { a })
            .to_vec();
        assert_eq!(run(dir.path(), &again).0, 0);
        assert_eq!(read("deep/again.csv"), read("deep/d.csv"));
    }
    // Nothing but the results is left.
    let left = fs::read_dir(dir.path().join("deep")).unwrap().count();
    assert_eq!(left, 4);
}

#[test]
fn what_cannot_be_done_is_told_and_writes_nothing() {
    let dir = dir(&[
        ("t.yaml", SHAPES),
        ("lines.yaml", b"tree: [\"two\\nlines\", b]\n"),
        ("bad.txt", b"kite\nkit\nhelicopter\n"),
        ("empty.txt", b"# nothing\n"),
    ]);
    fs::create_dir(dir.path().join("folder.npy")).unwrap();
    let before = fs::read_dir(dir.path()).unwrap().count();
    let cases: &[(&str, &[&str], &str)] = &[
        (
            "t.yaml",
            &["--nodes", "truths"],
            "--nodes truths: there are no images",
        ),
        (
            "t.yaml",
            &["--nodes", "gone.txt"],
            "--nodes gone.txt: use leaves, all, under:NODE",
        ),
        (
            "t.yaml",
            &["--nodes", "under:kit"],
            "under:kit: no such node; nearest: kite",
        ),
        (
            "t.yaml",
            &["--nodes", "bad.txt"],
            "line 2: `kit`: no such node; nearest: kite",
        ),
        ("t.yaml", &["--nodes", "empty.txt"], "the list names none"),
        ("t.yaml", &["--format", "npy"], "needs --out FILE.npy"),
        (
            "t.yaml",
            &["--format", "npy", "--out", "d.csv"],
            "it must end in .npy",
        ),
        ("t.yaml", &["--out", "folder.npy"], "is no name of a file"),
        ("t.yaml", &["--out", "t.yaml/d.csv"], "t.yaml/d.csv"),
        (
            "lines.yaml",
            &["--out", "d.npy"],
            "`two\\nlines` has a line break",
        ),
        ("gone.yaml", &[], "gone.yaml"),
    ];
    for (taxonomy, options, message) in cases {
        let args = [&["distances", taxonomy, "--measure", "hf1"], *options].concat();
        let (code, out, err) = run(dir.path(), &args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(message), "{args:?}: {err}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), before);
    let (code, out, err) = run(
        dir.path(),
        &["distances", "lines.yaml", "--measure", "path"],
    );
    assert_eq!(code, 0, "{err}");
    assert_eq!(Table::of(&out).columns, ["b", "two\nlines"]);
}

/// A taxonomy whose table takes long: many blocks of rows.
fn large(leaves: usize) -> TempDir {
    let mut text = String::from("tree:\n  top:\n");
    for i in 0..leaves {
        text.push_str(&format!("    - leaf number {i}\n"));
    }
    dir(&[("t.yaml", text.as_bytes())])
}

#[cfg(unix)]
#[test]
fn an_interruption_ends_it_and_leaves_no_file() {
    let dir = large(30_000);
    let here = || fs::read_dir(dir.path()).unwrap().count();
    for out in [None, Some("d.npy")] {
        let mut child = crate::cmd::program(dir.path())
            .args(["distances", "t.yaml", "--measure", "height"])
            .args(out.iter().flat_map(|out| ["--out", out]))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        match out {
            // Until then it may not have been asked to listen yet.
            None => {
                let printed = child.stdout.as_mut().expect("a pipe");
                printed.read_exact(&mut [0; 16]).expect("some output");
            }
            Some(_) => {
                let grown = |folder: fs::DirEntry| {
                    let file = folder.path().join("new");
                    fs::metadata(file).is_ok_and(|file| file.len() > 1 << 20)
                };
                let begun = || fs::read_dir(dir.path()).unwrap().flatten().any(grown);
                while !begun() {
                    assert_eq!(child.try_wait().unwrap(), None, "it ended by itself");
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
        }
        let id = child.id().to_string();
        let kill = Command::new("kill").args(["-INT", &id]).status();
        assert!(kill.expect("kill runs").success());
        let ended = child.wait_with_output().expect("an end");
        let err = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(130), "{err}");
        let told = match out {
            None => "interrupted: what was printed is not the whole result",
            Some(_) => "interrupted: no result was written",
        };
        assert!(err.contains(told), "{err}");
        assert_eq!(here(), 1);
    }
}

/// Many blocks of rows, of which the reader wants a few bytes.
#[test]
fn a_closed_pipe_is_silence() {
    let dir = large(3000);
    let out = into_closed_pipe(dir.path(), &["distances", "t.yaml", "--measure", "height"]);
    let err = String::from_utf8_lossy(&out.stderr);
    assert_eq!(
        (out.status.code(), err.lines().count()),
        (Some(0), 1),
        "{err}"
    );
}
