//! A disk that is full, and one that is read only: a small file system of the test's own, where the kernel gives one to who asks.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::{embed_pictures, is_same};
use crate::score::{model, world};

/// Runs a script in which `disk` is a file system of so many KiB, and `cladist` the program. `None` where that cannot be had.
fn with_disk(dir: &Path, kib: u32, script: &str) -> Option<Output> {
    fs::create_dir_all(dir.join("disk")).unwrap();
    let mount = |then: &str| {
        let script = format!("mount -t tmpfs -o size={kib}k none disk || exit 99\n{then}");
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", &script]);
        let program = env!("CARGO_BIN_EXE_cladist");
        command.current_dir(dir).env("CLADIST_STORE", "");
        command.env("cladist", program).env("model", model());
        command.output()
    };
    let is_possible = mount("true").is_ok_and(|out| out.status.success());
    is_possible.then(|| mount(script).unwrap())
}

const EMBED: &str = "\"$cladist\" embed --images pictures --model \"$model\" --shard-rows 1";

#[test]
fn on_a_full_disk_what_was_stored_is_kept() {
    let dir = world();
    let path = dir.path();
    let script = format!(
        "{EMBED} --store disk/store --out named; echo named $?
         CLADIST_STORE=disk/store {EMBED} --out custom; echo custom $?
         \"$cladist\" store verify --store disk/store; echo verified $?
         mount -o remount,size=9m disk
         {EMBED} --store disk/store --out roomy; echo roomy $?
         \"$cladist\" store verify --store disk/store; echo verified $?
         mount -o remount,ro disk
         {EMBED} --store disk/store --out known; echo known $?
         cp -r pictures/red pictures/more; rm pictures/more/0.png
         printf new > pictures/more/new.png
         {EMBED} --no-exif-orientation --store disk/store --out unknown; echo unknown $?
         CLADIST_STORE=disk/store {EMBED} --no-exif-orientation --out custom; echo custom $?"
    );
    let Some(out) = with_disk(path, 160, &script) else {
        eprintln!("passed over: there are no file systems for this user");
        return;
    };
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let err = String::from_utf8_lossy(&out.stderr).into_owned();
    let codes: Vec<&str> = said
        .lines()
        .filter(|line| line.split(' ').count() == 2 && !line.contains(':'))
        .collect();
    let expected = [
        "named 2",
        "custom 0",
        "verified 0",
        "roomy 0",
        "verified 0",
        "known 0",
        "unknown 2",
        "custom 0",
    ];
    assert_eq!(codes, expected, "{said}{err}");
    let parts: Vec<&str> = err.split("No space left on device").collect();
    assert_eq!(parts.len(), 3, "{err}");
    assert!(parts[1].contains("what was stored before is kept"), "{err}");
    assert!(
        parts[2].contains("what is encoded from here on is not kept"),
        "{err}"
    );
    let read_only: Vec<&str> = err.split("Read-only file system").collect();
    assert_eq!(read_only.len(), 3, "{err}");
    assert!(read_only[1].contains("allow writing there"), "{err}");
    // Of what was stored before the disk was full, some; and all afterwards.
    let known = |line: &&str| line.contains("from the store, ");
    let told: Vec<&str> = err.lines().filter(known).collect();
    let number = |line: &str| -> usize { line.split(' ').next().unwrap().parse().unwrap() };
    assert!((1..12).contains(&number(told[0])), "{told:?}");
    assert!(number(told[1]) >= number(told[0]), "{told:?}");
    assert!(
        told[2].starts_with("12 images from the store, 0 "),
        "{told:?}"
    );
    fs::remove_dir_all(path.join("pictures/more")).unwrap();
    embed_pictures(path, "plain", &["--no-store"]);
    for out in ["roomy", "known"] {
        assert!(is_same(path, "plain", out), "{out}");
    }
    assert!(!path.join("named").exists() && !path.join("unknown").exists());
}
