//! A receipt: small, and every figure measured.

use super::{BAD, BOLD, DIM, GOOD, count, duration, paint};
use crate::deploy::{Receipt, Traffic};

pub fn receipt(receipt: &Receipt) -> String {
    let mut lines = vec![headline(receipt), requests(&receipt.traffic_during)];
    lines.extend(latency(receipt));
    lines.extend(boots(receipt));
    lines.extend(receipt.notes.iter().map(|note| line("note", note)));
    lines.extend(receipt.url.as_ref().map(|url| line("url", url)));
    lines.join("\n")
}

fn headline(receipt: &Receipt) -> String {
    let releases = match (receipt.before, receipt.release) {
        (Some(before), Some(now)) if before != now => format!(" {before} → {now}"),
        (_, Some(now)) => format!(" {now}"),
        _ => String::new(),
    };
    let what = format!("{}{releases}", receipt.deploy);
    let mark = paint(GOOD, "✓");
    format!("{mark} {} {} in {}", paint(BOLD, &what), receipt.done, duration(receipt.total_ms))
}

fn requests(during: &Traffic) -> String {
    let failed = format!("{} failed", count(during.failed));
    let failed = if during.failed == 0 { failed } else { paint(BAD, &failed) };
    line("requests", &format!("{} meanwhile, {failed}", count(during.requests)))
}

fn latency(receipt: &Receipt) -> Option<String> {
    let spans = [("before", &receipt.traffic_before), ("during", &receipt.traffic_during)];
    let said: Vec<String> = spans
        .iter()
        .filter_map(|(when, traffic)| {
            let (p50, p99) = (traffic.p50_ms?, traffic.p99_ms?);
            Some(format!("{when} p50 {}, p99 {}", milliseconds(p50), milliseconds(p99)))
        })
        .collect();
    (!said.is_empty()).then(|| line("latency", &said.join(" · ")))
}

fn boots(receipt: &Receipt) -> Option<String> {
    let said: Vec<String> = receipt
        .boots
        .iter()
        .map(|boot| format!("{} {}", boot.instance, duration(boot.ms)))
        .collect();
    (!said.is_empty()).then(|| line("boot", &said.join(", ")))
}

/// One digit below 10 ms, where it still says something.
fn milliseconds(ms: f64) -> String {
    if ms < 10.0 { format!("{ms:.1} ms") } else { duration(ms.round() as u64) }
}

fn line(name: &str, text: &str) -> String {
    format!("  {} {text}", paint(DIM, &format!("{name:<9}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::ReleaseNumber;
    use crate::deploy::BootTime;

    fn deployed() -> Receipt {
        Receipt {
            deploy: "guestbook".parse().unwrap(),
            release: "v7".parse().ok(),
            before: "v6".parse().ok(),
            done: "deployed".into(),
            traffic_before: Traffic {
                requests: 900,
                failed: 0,
                p50_ms: Some(2.94),
                p99_ms: Some(11.2),
            },
            traffic_during: Traffic {
                requests: 1204,
                failed: 0,
                p50_ms: Some(3.1),
                p99_ms: Some(14.0),
            },
            boots: vec![
                BootTime { instance: "web.1".into(), ms: 412 },
                BootTime { instance: "web.2".into(), ms: 398 },
            ],
            phases: Vec::new(),
            total_ms: 4_210,
            url: Some("http://guestbook.localhost:8080".into()),
            notes: vec!["identical; host unchanged".into()],
        }
    }

    fn plain(value: &Receipt) -> String {
        anstream::adapter::strip_str(&receipt(value)).to_string()
    }

    #[test]
    fn a_receipt_is_small_and_says_what_was_measured() {
        assert_eq!(
            plain(&deployed()),
            "✓ guestbook/production v6 → v7 deployed in 4.2 s\n  \
             requests  1,204 meanwhile, 0 failed\n  \
             latency   before p50 2.9 ms, p99 11 ms · during p50 3.1 ms, p99 14 ms\n  \
             boot      web.1 412 ms, web.2 398 ms\n  \
             note      identical; host unchanged\n  \
             url       http://guestbook.localhost:8080"
        );
    }

    #[test]
    fn what_was_not_measured_is_not_shown() {
        let none: Option<ReleaseNumber> = None;
        let quiet = Receipt {
            release: none,
            before: none,
            done: "stopped".into(),
            traffic_before: Traffic::default(),
            traffic_during: Traffic::default(),
            boots: Vec::new(),
            url: None,
            notes: Vec::new(),
            ..deployed()
        };
        assert_eq!(
            plain(&quiet),
            "✓ guestbook/production stopped in 4.2 s\n  requests  0 meanwhile, 0 failed"
        );
    }
}
