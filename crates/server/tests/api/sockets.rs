//! What only a real connection shows: bodies that are too large or too slow, heads that are too large, a clean stop.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use server::{App, Settings};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::world::World;

/// A server on a port of its own, until it is dropped.
struct Running {
    world: World,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start(name: &str, settings: Settings) -> Running {
        let (_, db) = testkit::databases().remove(0);
        let world = World::new(db, name, settings.clone());
        let app = App::new(world.engine.clone(), settings, None);
        let listener = world.runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = world.runtime.spawn(server::serve::serve(listener, app, async {
            stopped.await.ok();
        }));
        Running { world, address, stop, served }
    }

    /// Sends bytes and returns everything that comes back until the server closes.
    fn exchange(&self, head: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        // A server that has seen enough may stop reading.
        stream.write_all(body).ok();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).ok();
        String::from_utf8(reply).unwrap()
    }
}

#[test]
fn a_body_of_20_mb_is_answered_413() {
    let running = Running::start("sockets 413", Settings::development());
    let body = vec![b' '; 20 * 1024 * 1024];
    let head = format!("POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    let reply = running.exchange(&head, &body);
    assert!(reply.starts_with("HTTP/1.1 413 "), "{reply}");
    assert!(reply.contains("\"code\":\"payload_too_large\""), "{reply}");
}

#[test]
fn a_body_that_does_not_arrive_is_answered_408() {
    let settings = Settings { body_time_max: Duration::from_millis(50), ..Settings::development() };
    let running = Running::start("sockets 408", settings);
    let reply = running.exchange("POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", b"{");
    assert!(reply.starts_with("HTTP/1.1 408 "), "{reply}");
    assert!(reply.contains("\"code\":\"request_timeout\""), "{reply}");
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let running = Running::start("sockets 431", Settings::development());
    let head = format!("GET /health/live HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(1_000_000));
    let reply = running.exchange(&head, b"");
    assert!(reply.starts_with("HTTP/1.1 431 "), "{reply}");
}

#[test]
fn a_stopping_server_finishes_and_then_accepts_nothing_more() {
    let running = Running::start("sockets stop", Settings::development());
    let mut idle = TcpStream::connect(running.address).unwrap();
    idle.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    running.stop.send(()).unwrap();
    running.world.runtime.block_on(running.served).unwrap();
    assert!(TcpStream::connect(running.address).is_err());
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).unwrap();
    idle.shutdown(Shutdown::Both).ok();
}
