//! A root made again from its kept packages, to show that it can be.

use super::super::compare::differing;
use super::making::{construct, lock, publish};
use super::record;
use super::wanted::Wanted;
use crate::app::{Digest, Failure};
use crate::keeper::Cancel;
use crate::store::Home;
use std::collections::BTreeSet;

/// Uses no network. The same digest, or a failure that names the first files that differ.
pub fn remake(
    home: &Home,
    digest: &Digest,
    cancel: &Cancel,
    said: &mut dyn FnMut(&str),
) -> Result<(), Failure> {
    let _lock = lock(home)?;
    let known = record::known(home, digest)?.ok_or_else(|| unknown(home, digest))?;
    let made = construct(home, known.wanted.suite, &known.packages, cancel, said)?;
    if made.digest == *digest {
        publish(home, &known.wanted, known.packages, made)?;
        return Ok(());
    }
    let failure =
        Failure::platform(format!("the stack {} made again is another one", digest.short()))
            .why(format!("from the same packages it came out as {}", made.digest.short()));
    let place = super::super::stacks::place(home, digest);
    if !place.is_dir() {
        return Err(failure.why("the root itself is gone, so the files cannot be compared"));
    }
    let differing = differing(&place, &made.folder())?;
    let names: Vec<String> = differing.iter().map(|path| path.display().to_string()).collect();
    Err(failure.why(match names.is_empty() {
        true => "no file differs: the root has another digest than its name".to_string(),
        false => format!("these differ first: {}", names.join(", ")),
    }))
}

fn unknown(home: &Home, digest: &Digest) -> Failure {
    let wishes: BTreeSet<Wanted> =
        record::wishes(home).unwrap_or_default().into_iter().map(|wish| wish.wanted).collect();
    let failure = Failure::usage(format!("there is no stack {}", digest.short()));
    failure.next(match wishes.is_empty() {
        true => "no stack was made on this server yet".to_string(),
        false => "`xii stacks` lists them".to_string(),
    })
}
