//! What larder is compared with, where that is not one call of a library.

pub mod bare_map;
pub mod embedded;
pub mod plain_files;
pub mod redis;
pub mod stores;
