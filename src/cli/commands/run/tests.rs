use super::*;

#[test]
fn one_word_goes_to_a_shell_and_several_are_run_as_they_are() {
    assert_eq!(argv(&["echo $HOME | wc".to_string()]), ["sh", "-c", "echo $HOME | wc"]);
    assert_eq!(argv(&["echo", "$HOME"].map(str::to_string)), ["echo", "$HOME"]);
}

#[test]
fn a_variable_is_a_name_and_a_value() {
    assert_eq!(variable("A=b=c"), Ok(("A".to_string(), "b=c".to_string())));
    assert!(variable("A").is_err() && variable("=b").is_err());
}

mod carried {
    use super::*;
    use crate::cli::client::fake::{Answer, Fake, Next};
    use serde_json::json;

    fn upgraded(frames: &[(u8, Vec<u8>)], next: Next) -> Answer {
        let mut bytes =
            b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: xii-run\r\n\r\n".to_vec();
        for (kind, payload) in frames {
            bytes.extend(encode(*kind, payload));
        }
        Answer::Then(bytes, next)
    }

    async fn outcome(frames: Vec<(u8, Vec<u8>)>) -> (Outcome, String, String) {
        let fake = Fake::start(move |_, _| upgraded(&frames, Next::Hold));
        let (ui, out, err) = Ui::into_memory(false);
        let run = Run { argv: argv(&["true".to_string()]), env: Default::default() };
        let upgraded = open(&fake.client(), "/v1/apps/shop/production/run", &run).await.unwrap();
        let (_stays_open, stdin) = mpsc::channel(1);
        let outcome = carry(upgraded, &ui, stdin).await;
        (outcome, out.text(), err.text())
    }

    #[tokio::test]
    async fn streams_stay_apart_and_the_exit_code_is_the_command_s() {
        let (outcome, out, err) = outcome(vec![
            (frame::STDOUT, b"out\n".to_vec()),
            (frame::STDERR, b"err\n".to_vec()),
            (frame::EXIT, json!({"code": 42}).to_string().into_bytes()),
        ])
        .await;
        assert_eq!((outcome, out.as_str(), err.as_str()), (Ok(42), "out\n", "err\n"));
    }

    #[tokio::test]
    async fn a_signal_is_told_as_a_shell_tells_it() {
        let exit = json!({"signal": 9}).to_string().into_bytes();
        assert_eq!(outcome(vec![(frame::EXIT, exit)]).await.0, Ok(137));
    }

    #[tokio::test]
    async fn a_failure_of_the_server_is_not_the_command_s_exit_code() {
        let failure = Failure::platform("no memory for another instance");
        let frame = (frame::FAILURE, serde_json::to_vec(&failure).unwrap());
        assert_eq!(outcome(vec![frame]).await.0, Err(failure));
    }

    #[tokio::test]
    async fn stdin_its_end_and_signals_are_sent_as_frames() {
        let (ours, theirs) = tokio::net::UnixStream::pair().unwrap();
        let (to, stdin) = mpsc::channel(1);
        let (_, writing) = tokio::io::split(ours);
        let sending = tokio::spawn(send(writing, stdin));
        let mut frames = Frames::of(theirs);
        to.send(b"hello".to_vec()).await.unwrap();
        let hello = Frame { kind: frame::STDIN, payload: b"hello".to_vec() };
        assert_eq!(frames.next().await.unwrap(), Some(hello));
        drop(to);
        let end = Frame { kind: frame::STDIN, payload: Vec::new() };
        assert_eq!(frames.next().await.unwrap(), Some(end));
        // Its handler is in place: the frames above were sent by the same loop.
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::HUP)
            .unwrap();
        let hangup = Frame { kind: frame::SIGNAL, payload: vec![1] };
        assert_eq!(frames.next().await.unwrap(), Some(hangup));
        sending.abort();
    }
}
