//! The rows in memory under criterion: `cargo bench --bench memory`.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use larder_benches::rows::data;
use larder_benches::rows::memory::Maps;
use pollster::block_on;

fn binaries(criterion: &mut Criterion) {
    for (len, size) in [(100, "100 B"), (1024, "1 KiB")] {
        let Ok(maps) = Maps::of_binaries(1000, len) else { return };
        let bytes = data::bytes(len, 7);
        let mut group = criterion.benchmark_group(format!("get {size} of bytes"));
        group.bench_function("bare map", |bencher| bencher.iter(|| maps.bare_bytes()));
        group.bench_function("dashmap", |bencher| bencher.iter(|| maps.dash_bytes()));
        group.bench_function("backend", |bencher| bencher.iter(|| maps.backend_bytes()));
        group.bench_function("larder", |bencher| bencher.iter(|| block_on(maps.larder_bytes())));
        group.finish();
        let mut group = criterion.benchmark_group(format!("assoc {size} of bytes"));
        group.bench_function("bare map", |bencher| bencher.iter(|| maps.bare_write_bytes(&bytes)));
        group.bench_function("dashmap", |bencher| bencher.iter(|| maps.dash_write_bytes(&bytes)));
        group.bench_function("larder", |bencher| bencher.iter(|| block_on(maps.larder_write_bytes(&bytes))));
        group.finish();
    }
}

fn documents(criterion: &mut Criterion) {
    let Ok(maps) = Maps::of_documents(1000, data::person) else { return };
    let mut group = criterion.benchmark_group("1 KiB document");
    group.bench_function("get, decoded by ciborium", |bencher| {
        bencher.iter(|| maps.bare_value::<data::Person>());
    });
    group.bench_function("get by larder", |bencher| {
        bencher.iter(|| block_on(maps.larder_value::<data::Person>()));
    });
    group.bench_function("assoc, encoded by ciborium", |bencher| {
        bencher.iter_batched(
            || data::person(1),
            |person| maps.bare_write_value(&person),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("assoc by larder", |bencher| {
        bencher.iter_batched(
            || data::person(1),
            |person| block_on(maps.larder_write_value(&person)),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, binaries, documents);
criterion_main!(benches);
