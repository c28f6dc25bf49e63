//! Memory that the machine really has. On a virtual machine the host gives a page when it is first
//! touched, which takes longer than writing it, and takes free blocks back soon after: whoever happens
//! to write into a new page would be charged for that. A run therefore touches memory before it
//! measures, and lets it go in pieces that are too small to be taken back; the page cache uses them first.

/// The pieces between those that are let go.
#[derive(Debug)]
pub struct Warm(
    #[expect(dead_code, reason = "held, so that what lies between stays in pieces")] Vec<Vec<u8>>,
);

const PAGE: usize = 4096;
/// Linux reports free blocks of 2 MiB to the host.
const PIECE: usize = 1 << 20;

impl Warm {
    /// Touches so many bytes of memory, or three quarters of what is free, and lets nearly all of it go.
    pub fn up(bytes: usize) -> Warm {
        let pieces = bytes.min(free() / 4 * 3) / PIECE;
        let (mut held, mut let_go) = (Vec::with_capacity(pieces), Vec::with_capacity(pieces));
        for _ in 0..pieces {
            let_go.push(touched(PIECE - PAGE));
            held.push(touched(PAGE));
        }
        Warm(held)
    }
}

fn touched(bytes: usize) -> Vec<u8> {
    let mut memory = vec![0; bytes];
    memory.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
    std::hint::black_box(memory)
}

/// What Linux says is free; nothing elsewhere.
fn free() -> usize {
    let table = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = table.lines().find_map(|line| line.strip_prefix("MemFree:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap_or(0) * 1024
}
