//! `redis-benchmark`: a client in C that does nothing but fill one connection, which is as fast as the
//! server and the wire are.

use std::process::Command;
use std::time::Duration;

use crate::rows::Failure;
use crate::time::Sample;

/// Runs `SET` or `GET` so many times over one connection, so many at a time.
///
/// # Errors
/// It is missing, or says something else than it does.
pub fn run(port: u16, command: &str, len: usize, at_a_time: usize, count: u64) -> Result<Sample, Failure> {
    let text = |number: u64| number.to_string();
    let output = Command::new("redis-benchmark")
        .args(["-p", &port.to_string(), "-c", "1", "-P", &text(at_a_time as u64), "-n", &text(count)])
        .args(["-d", &text(len as u64), "-r", "10000", "-t", command, "--csv"])
        .output()
        .map_err(|_| "redis-benchmark is missing; install it by: apt-get install redis-tools")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let rate = rate(&said).ok_or_else(|| format!("redis-benchmark said: {said}"))?;
    Ok(Sample::new(count, Duration::from_secs_f64(count as f64 / rate)))
}

/// Operations a second, from the line after the headings: `"SET","123456.78",..`.
fn rate(said: &str) -> Option<f64> {
    let field = said.lines().rfind(|line| !line.trim().is_empty())?.split(',').nth(1)?;
    field.trim_matches('"').parse().ok().filter(|rate| *rate > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_stands_in_the_second_column() {
        let said = "\"test\",\"rps\",\"avg_latency_ms\"\n\"SET\",\"172413.80\",\"0.150\"\n";
        assert_eq!(rate(said), Some(172_413.80));
        assert_eq!(rate("\"test\",\"rps\"\n"), None);
        assert_eq!(rate("Could not connect to Redis"), None);
    }
}
