//! What clients ask.

use super::Life;
use crate::keeper::machine::{Event, Phase};
use crate::keeper::protocol::{Answer, Request, decode};
use crate::keeper::spec::Restart;
use crate::keeper::status;

impl Life {
    pub(super) fn hear(&mut self, index: usize) {
        match self.clients.receive(index) {
            Err(_) => self.clients.drop(index),
            Ok(None) => {}
            Ok(Some(bytes)) => {
                let (answer, event) = self.answer(&bytes);
                let sent = self.clients.send(index, &answer);
                self.told |= sent && self.is_final() && matches!(answer, Answer::Status(_));
                self.happen(event.unwrap_or(Event::Tick));
            }
        }
    }

    pub(super) fn is_final(&self) -> bool {
        matches!(self.state.phase, Phase::Final { .. })
    }

    fn answer(&self, bytes: &[u8]) -> (Answer, Option<Event>) {
        let event = match decode::<Request>(bytes) {
            Err(reason) => return (Answer::Refused { reason }, None),
            Ok(Request::Status) => return (Answer::Status(status::of(self)), None),
            Ok(Request::Stop { window_ms }) => Event::Stop { window_ms },
            Ok(Request::Kill) => Event::Kill,
            Ok(Request::Restart) if self.spec.restart == Restart::Never => {
                let reason = "this process is not restarted".to_string();
                return (Answer::Refused { reason }, None);
            }
            Ok(Request::Restart) => Event::Restart,
            Ok(Request::Signal { signal }) => Event::Signal(signal),
        };
        (Answer::Accepted, Some(event))
    }
}
