//! Every example is run.

#[path = "../examples/jobs.rs"]
mod jobs;
#[path = "../examples/own_backend.rs"]
mod own_backend;
#[path = "../examples/quickstart.rs"]
mod quickstart;
#[path = "../examples/simulated_app.rs"]
mod simulated_app;

#[test]
fn quickstart_runs() {
    quickstart::main();
}

#[test]
fn jobs_runs() {
    jobs::main();
}

#[test]
fn own_backend_runs() {
    own_backend::main();
}

#[test]
fn simulated_app_runs() {
    simulated_app::main();
}

#[test]
fn every_example_is_run_here() {
    let here = include_str!("examples.rs");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.ends_with(".rs") || here.contains(&format!("examples/{name}")), "{name} is not run");
    }
}
