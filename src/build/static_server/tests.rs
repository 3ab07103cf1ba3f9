use super::*;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream as Client;
use tokio::sync::oneshot;

/// A server on a free port of the loopback; it stops and is joined when dropped.
struct Running {
    port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    _dir: tempfile::TempDir,
}

fn start(files: &[(&str, &[u8])]) -> Running {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let site = Site::open(dir.path()).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            serve(listener, site, async { _ = stopped.await }).await;
        });
    });
    Running { port, stop: Some(stop), thread: Some(thread), _dir: dir }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

struct Connection(BufReader<Client>);

struct Answer {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

impl Running {
    fn connect(&self) -> Connection {
        let client = Client::connect(("127.0.0.1", self.port)).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Connection(BufReader::new(client))
    }

    fn get(&self, path: &str) -> Answer {
        self.connect().ask("GET", path, "")
    }
}

impl Connection {
    fn ask(&mut self, method: &str, path: &str, headers: &str) -> Answer {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        self.answer(method)
    }

    fn answer(&mut self, method: &str) -> Answer {
        let mut headers = String::new();
        while !headers.ends_with("\r\n\r\n") {
            assert_ne!(self.0.read_line(&mut headers).unwrap(), 0, "closed after {headers:?}");
        }
        let status = headers[9..12].parse().unwrap();
        let length = match (method, status) {
            ("HEAD", _) | (_, 304) => 0,
            _ => header(&headers, "content-length").unwrap().parse().unwrap(),
        };
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        Answer { status, headers, body }
    }

    fn is_closed(&mut self) -> bool {
        self.0.read(&mut [0]).unwrap() == 0
    }
}

fn header<'a>(headers: &'a str, name: &str) -> Option<&'a str> {
    let lines = headers.lines().filter_map(|line| line.split_once(": "));
    lines.into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[test]
fn pages_come_with_their_type_and_a_tag_that_saves_the_second_time() {
    let server = start(&[("index.html", b"<p>hello"), ("a.css", b"p {}")]);
    let mut connection = server.connect();
    let first = connection.ask("GET", "/", "");
    assert_eq!((first.status, first.body.as_slice()), (200, b"<p>hello".as_slice()));
    assert_eq!(header(&first.headers, "content-type"), Some("text/html; charset=utf-8"));
    let tag = header(&first.headers, "etag").unwrap();
    for known in [tag.to_string(), format!("\"x\", W/{tag}"), "*".to_string()] {
        let again = connection.ask("GET", "/?x=1", &format!("If-None-Match: {known}\r\n"));
        assert_eq!(again.status, 304, "{known}");
        assert_eq!(header(&again.headers, "etag"), Some(tag));
    }
    let other = connection.ask("GET", "/", "If-None-Match: \"x\"\r\n");
    assert_eq!(other.status, 200);
    let css = connection.ask("GET", "/a.css", "");
    assert_eq!(header(&css.headers, "content-type"), Some("text/css; charset=utf-8"));
}

#[test]
fn head_says_what_get_would_and_sends_nothing() {
    let server = start(&[("index.html", b"<p>hello")]);
    let mut connection = server.connect();
    for path in ["/", "/nope"] {
        let head = connection.ask("HEAD", path, "");
        let get = connection.ask("GET", path, "");
        assert_eq!(head.status, get.status);
        for name in ["content-length", "content-type", "etag"] {
            assert_eq!(header(&head.headers, name), header(&get.headers, name), "{path} {name}");
        }
    }
}

#[test]
fn other_methods_are_refused_and_the_connection_stays() {
    let server = start(&[("index.html", b"<p>hello")]);
    let mut connection = server.connect();
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let refused = connection.ask(method, "/", "Content-Length: 0\r\n");
        assert_eq!(refused.status, 405);
        assert_eq!(header(&refused.headers, "allow"), Some("GET, HEAD"));
    }
    assert_eq!(connection.ask("GET", "/", "").status, 200);
}

#[test]
fn what_is_missing_is_said_by_the_site_itself_where_it_can() {
    let with = start(&[("404.html", b"<p>lost")]);
    let answer = with.get("/nope");
    assert_eq!((answer.status, answer.body.as_slice()), (404, b"<p>lost".as_slice()));
    let known = with.connect().ask("GET", "/nope", "If-None-Match: *\r\n");
    assert_eq!(known.status, 404);
    let without = start(&[("index.html", b"")]);
    assert_eq!(without.get("/nope").status, 404);
    assert_eq!(without.get("/").body, b"");
}

#[test]
fn a_folder_without_its_slash_is_sent_to_it_and_never_to_another_host() {
    let server = start(&[("docs/index.html", b"x"), ("evil.example/index.html", b"x")]);
    let answer = server.get("/docs?a=b");
    assert_eq!((answer.status, header(&answer.headers, "location")), (308, Some("/docs/?a=b")));
    assert_eq!(server.get("//evil.example").status, 404);
}

#[test]
fn no_request_leaves_the_root() {
    let server = start(&[("index.html", b"x"), (".env", b"SECRET=1"), ("xii.toml", b"app = 'x'")]);
    for path in [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc/passwd",
        "//etc/passwd",
        "/.env",
        "/%2eenv",
        "/xii.toml",
        "/index.html%00.txt",
        "/\\..\\..\\etc\\passwd",
    ] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

#[test]
fn a_file_larger_than_the_buffers_arrives_whole() {
    let large: Vec<u8> = (0..5_000_000u32).map(|n| (n % 251) as u8).collect();
    let server = start(&[("large.bin", &large)]);
    let mut connection = server.connect();
    for _ in 0..2 {
        assert!(connection.ask("GET", "/large.bin", "").body == large);
    }
}

#[test]
fn a_stop_ends_idle_connections_and_finishes_a_download_that_has_begun() {
    let large = vec![7; 20_000_000];
    let server = start(&[("large.bin", &large), ("index.html", b"x")]);
    let mut idle = server.connect();
    assert_eq!(idle.ask("GET", "/", "").status, 200);
    let mut busy = server.connect();
    busy.0.get_mut().write_all(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    // The first byte shows that the answer is on its way; the rest does not fit the sockets.
    assert_eq!(busy.0.fill_buf().unwrap()[0], b'H');
    let port = server.port;
    let stopping = std::thread::spawn(move || drop(server));
    assert!(idle.is_closed());
    assert!(busy.answer("GET").body == large);
    assert!(busy.is_closed());
    stopping.join().unwrap();
    assert!(Client::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_root_that_is_not_there_is_named() {
    let failure = run(Path::new("/nonexistent/site"), 0, &|_| {}).unwrap_err();
    assert_eq!(failure.message, "cannot read the site at /nonexistent/site");
}
