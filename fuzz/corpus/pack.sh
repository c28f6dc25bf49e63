#!/usr/bin/env bash
# Writes the seeds of the target `pack`: a byte for the store (0 left by a kill, 1 closed), then steps of what is done,
# to which file (by name, in order: index, segments, control), and where. `fuzz_targets/pack.rs` reads them.
set -euo pipefail
cd "$(dirname "$0")/pack"
seed() { printf "$2" >"$1"; }
for closed in 0 1; do
    store="\\x0$closed"
    seed "untouched-$closed" "$store"
    seed "bit-of-the-log-$closed" "$store\\x00\\x01\\x00\\x40"
    seed "bit-of-the-index-$closed" "$store\\x00\\x00\\x00\\x20"
    seed "cut-log-$closed" "$store\\x03\\x03\\x02\\x00"
    seed "no-index-$closed" "$store\\x06\\x00\\x00\\x00"
    seed "no-segment-$closed" "$store\\x06\\x02\\x00\\x00"
    seed "longer-$closed" "$store\\x04\\x03\\x00\\x00\\x40"
    seed "sealed-header-$closed" "$store\\x01\\x03\\x00\\x18\\x04\\x00\\x00\\x00\\x01\\x07\\x03\\x00\\x00"
    seed "sealed-frame-$closed" "$store\\x01\\x02\\x00\\x44\\x04\\x00\\x00\\x00\\x60\\x07\\x02\\x00\\x00"
    seed "sealed-slot-$closed" "$store\\x01\\x04\\x00\\x28\\x08\\x00\\x00\\x00\\x00\\x00\\x00\\x10\\x00\\x07\\x04\\x00\\x00"
    seed "other-segment-$closed" "$store\\x05\\x02\\x00\\x00\\x01\\x00\\x00\\xff\\xff\\x07\\x02\\x00\\x00"
done
