//! One field of a document, read and changed, under criterion: `cargo bench --bench documents`.

use criterion::{Criterion, criterion_group, criterion_main};
use larder_benches::rows::documents::fields;
use pollster::block_on;

fn one_field(criterion: &mut Criterion) {
    let Ok(fields) = fields() else { return };
    for (what, field, _) in fields {
        let mut group = criterion.benchmark_group(format!("get_in, {what}"));
        group.bench_function("ciborium", |bencher| bencher.iter(|| field.ciborium_get()));
        group.bench_function("document", |bencher| bencher.iter(|| field.document_get()));
        group.bench_function("larder", |bencher| bencher.iter(|| block_on(field.larder_get())));
        group.finish();
        let mut group = criterion.benchmark_group(format!("update_in, {what}"));
        group.bench_function("ciborium", |bencher| bencher.iter(|| field.ciborium_update()));
        group.bench_function("document", |bencher| bencher.iter(|| field.document_update()));
        group.bench_function("larder", |bencher| bencher.iter(|| block_on(field.larder_update())));
        group.finish();
    }
}

criterion_group!(benches, one_field);
criterion_main!(benches);
