//! The client: framing of replies, keep-alive, and what it does when a server goes away.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use load::LoadError;
use load::client::wire::{BodyEnd, read_chunks, read_head};
use load::client::{Client, Request};
use serde_json::json;

use crate::fake_server::{Answer, Received, serve};

#[test]
fn a_head_is_read_only_when_it_is_complete() {
    let whole = b"HTTP/1.1 201 Created\r\nContent-Length: 12\r\nConnection: close\r\n\r\nbody";
    for end in 0..whole.len() - 4 {
        assert_eq!(read_head(&whole[..end], |_, _| {}), Ok(None), "{end} bytes");
    }
    let mut names = Vec::new();
    let head = read_head(whole, |name, _| names.push(name.to_owned())).unwrap().unwrap();
    assert_eq!((head.status, head.body_end, head.closes), (201, BodyEnd::After(12), true));
    assert_eq!(&whole[head.length..], b"body");
    assert_eq!(names, ["Content-Length", "Connection"]);
}

#[test]
fn a_head_that_is_no_http_is_refused() {
    assert!(read_head(b"SSH-2.0-OpenSSH\r\n\r\n", |_, _| {}).is_err());
    assert!(read_head(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", |_, _| {}).is_err());
}

#[test]
fn chunks_are_put_together_only_when_the_last_one_is_there() {
    let whole = b"4\r\nwiki\r\n5;x=1\r\npedia\r\n0\r\n\r\n";
    for end in 0..whole.len() {
        assert_eq!(read_chunks(&whole[..end]), Ok(None), "{end} bytes");
    }
    assert_eq!(read_chunks(whole), Ok(Some((b"wikipedia".to_vec(), whole.len()))));
    assert!(read_chunks(b"zz\r\n").is_err());
}

#[test]
fn a_request_arrives_as_it_was_built() {
    let seen: &'static Mutex<Vec<Received>> = Box::leak(Box::default());
    let base = serve(move |received| {
        seen.lock().unwrap().push(received.clone());
        Answer::json(200, &[("Idempotent-Replayed", "true")], br#"{"user":{"id":"usr_1"}}"#)
    });
    let mut client = Client::new(&base).unwrap();
    let request = Request::post("/x?y=1").access_key("nrb_k").idempotency_key("k1").json(&json!({ "a": "ü" }));
    let reply = client.send(&request).unwrap();
    assert_eq!((reply.status, reply.is_replay()), (200, true));
    assert_eq!(reply.header("x-request-id"), Some("req-1"));
    assert_eq!(reply.text_at("x", "/user/id").unwrap(), "usr_1");
    assert!(matches!(reply.text_at("x", "/user/name"), Err(LoadError::MissingField { .. })));
    client.send(&Request::get("/z").bearer("t")).unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("POST", "/x?y=1"));
    assert_eq!((seen[0].header("x-api-key"), seen[0].header("Idempotency-Key")), (Some("nrb_k"), Some("k1")));
    assert_eq!(seen[0].body, "{\"a\":\"ü\"}".as_bytes());
    assert_eq!(seen[1].header("Authorization"), Some("Bearer t"));
}

#[test]
fn chunked_and_unframed_bodies_are_read_to_their_end() {
    let base = serve(|received| match received.path.as_str() {
        "/chunked" => Answer::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
        _ => Answer::raw("HTTP/1.1 200 OK\r\n\r\nuntil the end").closing(),
    });
    let mut client = Client::new(&base).unwrap();
    assert_eq!(client.send(&Request::get("/chunked")).unwrap().body, b"{}");
    assert_eq!(client.send(&Request::get("/close")).unwrap().body, b"until the end");
    assert_eq!(client.send(&Request::get("/chunked")).unwrap().body, b"{}");
}

#[test]
fn a_connection_closed_while_idle_is_opened_again() {
    let base = serve(|_| Answer::json(200, &[], b"{}").closing());
    let mut client = Client::new(&base).unwrap();
    for _ in 0..5 {
        assert_eq!(client.send(&Request::get("/")).unwrap().status, 200);
    }
}

#[test]
fn a_reply_cut_short_is_an_error_and_not_sent_for_again() {
    let asked: &'static AtomicUsize = Box::leak(Box::default());
    let base = serve(move |_| {
        asked.fetch_add(1, Ordering::SeqCst);
        Answer::raw("HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nhalf").closing()
    });
    let error = Client::new(&base).unwrap().send(&Request::get("/")).unwrap_err();
    assert!(matches!(error, LoadError::Exchange { .. }) && error.is_connection(), "{error}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[test]
fn nobody_listening_is_a_connection_error() {
    let port = load::server_process::free_port().unwrap();
    let error = Client::new(&format!("http://127.0.0.1:{port}")).unwrap().send(&Request::get("/")).unwrap_err();
    assert!(matches!(error, LoadError::Connect { .. }) && error.is_connection(), "{error}");
}

#[test]
fn an_unexpected_status_is_quoted() {
    let base = serve(|_| Answer::json(422, &[], br#"{"code":"too_precise"}"#));
    let reply = Client::new(&base).unwrap().send(&Request::get("/")).unwrap();
    assert_eq!(reply.code(), "too_precise");
    let error = reply.require("GET /", &[200]).unwrap_err();
    assert_eq!(error.to_string(), "GET / was answered with 422: {\"code\":\"too_precise\"}");
}
