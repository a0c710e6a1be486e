//! `cladist demo` from outside.

use std::fs;

use crate::cmd::{dir, run};

#[test]
fn drawings_come_with_all_that_is_known_of_them() {
    let dir = dir(&[]);
    let draw = |n, out, annotator| {
        let args = [
            "demo",
            "draw",
            "--n",
            n,
            "--seed",
            "4",
            "--size",
            "48",
            "--out",
            out,
            "--annotator",
            annotator,
            "--error-rate",
            "0.25",
        ];
        let (code, _, err) = run(dir.path(), &args);
        assert_eq!(code, 0, "{err}");
        fs::read_to_string(dir.path().join(out).join("manifest.csv")).unwrap()
    };
    let manifest = draw("40", "some", "uniform");
    let mut lines = manifest.lines();
    assert_eq!(
        lines.next(),
        Some("image,label,specific,true_labels,is_error")
    );
    let mut rows = 0;
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let image = image::open(dir.path().join("some").join(cells[0])).unwrap();
        assert_eq!((image.width(), image.height()), (48, 48));
        let truths: Vec<&str> = cells[3].split('|').collect();
        assert!(
            truths.contains(&cells[2]) && truths.contains(&"shape"),
            "{line}"
        );
        assert_eq!(truths.contains(&cells[1]), cells[4] == "false", "{line}");
        rows += 1;
    }
    assert_eq!(rows, 40);

    // The same pictures, whatever their number and whoever annotates them.
    draw("10", "few", "specific");
    for i in 0..10 {
        let of = |out: &str| fs::read(dir.path().join(format!("{out}/images/{i:04}.png"))).unwrap();
        assert!(of("some") == of("few"), "picture {i}");
    }

    // The world can be scored as it lies there.
    let (code, out, err) = run(dir.path(), &["check", "some/taxonomy.yaml"]);
    assert_eq!(code, 0, "{out}{err}");
    let (code, _, err) = run(
        dir.path(),
        &["demo", "draw", "--error-rate", "2", "--out", "x"],
    );
    assert_eq!(code, 2);
    assert!(err.contains("from 0 to 1"), "{err}");

    // The config file serves nested commands too; its options for others do no harm.
    fs::write(
        dir.path().join("cladist.yaml"),
        "n: 3\nseed: 4\nsize: 48\ncandidates: all\n",
    )
    .unwrap();
    let (code, _, err) = run(dir.path(), &["demo", "draw", "--out", "configured"]);
    assert_eq!(code, 0, "{err}");
    let picture = |out: &str| fs::read(dir.path().join(out).join("images/0002.png")).unwrap();
    assert!(picture("configured") == picture("few"));
}
