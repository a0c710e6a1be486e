//! `cladist doctor`: what works on this machine, and where things are.

use serde_json::Value;

use crate::cmd;

#[test]
fn it_tells_devices_places_and_speed() {
    let dir = cmd::dir(&[]);
    let (cache, store) = (dir.path().join("hub"), dir.path().join("kept"));
    std::fs::create_dir_all(&cache).unwrap();
    let run = |args: &[&str]| {
        let mut program = cmd::program(dir.path());
        program.env("HF_HUB_CACHE", &cache);
        program.env("CLADIST_STORE", &store);
        let out = program.args(args).output().unwrap();
        assert!(out.status.success());
        String::from_utf8(out.stdout).unwrap()
    };

    let text = run(&["doctor", "--no-speed"]);
    for said in [
        "device cpu    yes\n",
        &format!("{} (0 models that can be used)", cache.display()),
        &format!("{} (not there yet)", store.display()),
    ] {
        assert!(text.contains(said), "{said:?} is not in\n{text}");
    }
    if !cfg!(feature = "cuda") {
        assert!(text.contains("device cuda:0  no: this binary was built without CUDA"));
    }

    let found: Value = serde_json::from_str(&run(&["doctor", "--format", "json"])).unwrap();
    let cpu = &found["devices"][0];
    assert_eq!((&cpu["name"], &cpu["fault"]), (&"cpu".into(), &Value::Null));
    let speed = &cpu["speed"][0];
    assert_eq!(speed["dtype"], "f32");
    let [images, gflops] = ["images_a_second", "gflops"].map(|key| speed[key].as_f64().unwrap());
    // By the operations of ViT-B/32's blocks, which both are counted from.
    let gflop_an_image = 12.0 * 50.0 * (24.0 * 768.0 * 768.0 + 4.0 * 768.0 * 50.0) / 1e9;
    assert!(images > 0.0 && (gflops / images - gflop_an_image).abs() < 1e-6);
    assert_eq!(found["store"]["exists"], false);
}
