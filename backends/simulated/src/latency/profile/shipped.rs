//! The profiles that are shipped, as data files beside this code.

/// Name and text of each.
pub(super) const TEXTS: [(&str, &str); 10] = [
    ("memory", include_str!("../profiles/memory.json")),
    ("local-nvme", include_str!("../profiles/local-nvme.json")),
    ("local-nvme-consumer", include_str!("../profiles/local-nvme-consumer.json")),
    ("local-disk", include_str!("../profiles/local-disk.json")),
    ("redis-same-zone", include_str!("../profiles/redis-same-zone.json")),
    ("redis-cross-zone", include_str!("../profiles/redis-cross-zone.json")),
    ("s3-standard", include_str!("../profiles/s3-standard.json")),
    ("s3-standard-bad-day", include_str!("../profiles/s3-standard-bad-day.json")),
    ("s3-express", include_str!("../profiles/s3-express.json")),
    ("cross-region", include_str!("../profiles/cross-region.json")),
];
