//! `cron`: commands to run at times. Read and checked here; nothing runs them yet.

use super::reader::Reader;
use serde_json::Value;
use std::ops::RangeInclusive;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronJob {
    pub command: String,
    /// Five fields, or `@daily` and the like.
    pub schedule: String,
}

#[cfg(test)]
pub const KEYS: [&str; 2] = ["command", "schedule"];

const NICKNAMES: [&str; 7] =
    ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

/// What a field counts, its numbers, and the names that may stand for them, from the first
/// number on. Sunday is 0 and 7.
const FIELDS: [(&str, RangeInclusive<u32>, &[&str]); 5] = [
    ("minute", 0..=59, &[]),
    ("hour", 0..=23, &[]),
    ("day of the month", 1..=31, &[]),
    (
        "month",
        1..=12,
        &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    ),
    ("day of the week", 0..=7, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

pub fn read<'v>(reader: &mut Reader<'_>, value: &'v Value, path: &[&'v str]) -> Vec<CronJob> {
    let example = "{ \"command\": \"…\", \"schedule\": \"0 3 * * *\" }";
    let mut jobs = Vec::new();
    for (index, value) in reader.array(value, path, &format!("a list like [{example}]")) {
        let path = [path, &[index.as_str()]].concat();
        if !value.is_object() {
            reader.wrong_type(value, &path, &format!("an object like {example}"));
            continue;
        }
        let (mut command, mut schedule) = (None, None);
        for key in ["command", "schedule"] {
            let at = [&path[..], &[key]].concat();
            match (key, value.get(key)) {
                (_, None) => {
                    let label = format!("expected an object like {example}");
                    reader.refuse(&path, format!("the job has no `{key}`"), label);
                }
                ("command", Some(value)) => {
                    command = reader.parsed(value, &at, "a shell command", not_blank);
                }
                (_, Some(value)) => {
                    let expected = "five fields like \"0 3 * * *\", or @daily";
                    schedule = reader.parsed(value, &at, expected, check);
                }
            }
        }
        let job = command.zip(schedule);
        jobs.extend(job.map(|(command, schedule)| CronJob { command, schedule }));
    }
    jobs
}

fn not_blank(text: &str) -> Result<String, String> {
    match text.trim().is_empty() {
        true => Err("the command is empty".to_string()),
        false => Ok(text.to_string()),
    }
}

fn check(schedule: &str) -> Result<String, String> {
    let fields: Vec<&str> = schedule.split_ascii_whitespace().collect();
    if let [nickname] = fields[..]
        && NICKNAMES.contains(&nickname)
    {
        return Ok(nickname.to_string());
    }
    if fields.len() != FIELDS.len() {
        return Err(format!("a schedule has five fields, this has {}", fields.len()));
    }
    for (field, (name, numbers, names)) in fields.iter().zip(&FIELDS) {
        if !field.split(',').all(|part| is_part(part, numbers, names)) {
            let (first, last) = (numbers.start(), numbers.end());
            return Err(format!("{field:?} is no {name}, which is {first} to {last}"));
        }
    }
    Ok(fields.join(" "))
}

/// `*`, `5`, `1-5`, each with `/2` or without.
fn is_part(part: &str, numbers: &RangeInclusive<u32>, names: &[&str]) -> bool {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, number(step)),
        None => (part, Some(1)),
    };
    if !step.is_some_and(|step| (1..=*numbers.end()).contains(&step)) {
        return false;
    }
    let value = |text: &str| {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let named = named.and_then(|at| u32::try_from(at).ok()).map(|at| at + numbers.start());
        named.or_else(|| number(text)).filter(|value| numbers.contains(value))
    };
    match range.split_once('-') {
        Some((first, last)) => {
            value(first).zip(value(last)).is_some_and(|(first, last)| first <= last)
        }
        None => range == "*" || value(range).is_some(),
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_of_crontab_are_known_and_others_are_not() {
        for good in
            ["* * * * *", "*/5 0-6,12 1 jan-mar MON", "0  3 * * 7", "@daily", "59 23 31 12 0"]
        {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "*/0 * * * *",
            "5-1 * * * *",
            "a * * * *",
            ", * * * *",
            "@reboot",
            "-1 * * * *",
            "1,,2 * * * *",
            "99999999999 * * * *",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert_eq!(check("0  3 * * *").unwrap(), "0 3 * * *");
        let error = check("0 25 * * *").unwrap_err();
        assert_eq!(error, "\"25\" is no hour, which is 0 to 23");
    }
}
