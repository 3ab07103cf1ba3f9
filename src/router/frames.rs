//! Where WebSocket frames begin and end: a closing frame may only go between two.

/// Follows a stream of frames, byte for byte.
#[derive(Debug, Default)]
pub struct Frames {
    header: [u8; 14],
    have: usize,
    payload: u64,
}

impl Frames {
    pub fn is_between(&self) -> bool {
        self.have == 0 && self.payload == 0
    }

    pub fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.payload > 0 {
                let taken = self.payload.min(bytes.len() as u64);
                self.payload -= taken;
                bytes = &bytes[taken as usize..];
                continue;
            }
            self.header[self.have] = bytes[0];
            self.have += 1;
            bytes = &bytes[1..];
            if let Some(length) = payload(&self.header[..self.have]) {
                self.have = 0;
                self.payload = length;
            }
        }
    }
}

/// The payload's length, once the header is whole.
fn payload(header: &[u8]) -> Option<u64> {
    let second = *header.get(1)?;
    let extended = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    if header.len() < 2 + extended + mask {
        return None;
    }
    Some(match extended {
        0 => u64::from(second & 0x7f),
        _ => header[2..2 + extended].iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(length: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut bytes = vec![0x82];
        match length {
            0..126 => bytes.push(mask | length as u8),
            126..65536 => {
                bytes.push(mask | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            _ => {
                bytes.push(mask | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(vec![7; if masked { 4 } else { 0 } + length]);
        bytes
    }

    proptest! {
        #[test]
        fn between_is_exactly_at_the_ends_of_frames(
            lengths in proptest::collection::vec((0usize..70_000, any::<bool>()), 1..4),
            step in 1usize..5000,
        ) {
            let mut frames = Frames::default();
            prop_assert!(frames.is_between());
            for (length, masked) in lengths {
                let bytes = frame(length, masked);
                let (last, rest) = bytes.split_last().unwrap();
                for chunk in rest.chunks(step) {
                    frames.pass(chunk);
                    prop_assert!(!frames.is_between());
                }
                frames.pass(&[*last]);
                prop_assert!(frames.is_between());
            }
        }
    }
}
