//! The six requests of the README, sent as they stand there: only the host and the ids are changed.

use load::client::{Client, Reply, Request};
use serde_json::Value;

use crate::machine::Machine;
use crate::serve::{EMAIL, create_owner, serve};

/// As in the README.
const PASSWORD: &str = "strong-password";
const HOST: &str = "http://127.0.0.1:8080";

/// The requests in the order in which they stand.
fn published() -> Vec<String> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    readme.lines().filter(|line| line.starts_with("curl ")).take(6).map(str::to_owned).collect()
}

/// The words of a line as a shell would pass them on: blanks separate, quotes hold together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in line.chars().chain([' ']) {
        match (quote, letter) {
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            (None, ' ') if word.is_empty() => {}
            (None, ' ') => words.push(std::mem::take(&mut word)),
            (None | Some(_), _) => word.push(letter),
        }
    }
    words
}

/// What curl would send for these arguments.
fn request(line: &str) -> Request {
    let words = words(line);
    let mut words = words.iter().skip(1);
    let (mut method, mut path, mut headers, mut body) = ("GET", "", Vec::new(), None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "-X" => method = words.next().unwrap(),
            "-H" => headers.push(words.next().unwrap().split_once(": ").unwrap()),
            "-d" => body = words.next(),
            url => path = url.strip_prefix(HOST).unwrap(),
        }
    }
    let mut request = if method == "POST" { Request::post(path) } else { Request::get(path) };
    if let Some(body) = body {
        let json = headers.iter().position(|header| *header == ("Content-Type", "application/json"));
        headers.remove(json.expect("the README names the type of every body"));
        request = request.body("application/json", body.clone().into_bytes());
    }
    headers.into_iter().fold(request, |request, (name, value)| request.header(String::leak(name.to_owned()), value))
}

fn text(reply: &Reply, pointer: &str) -> String {
    reply.json().pointer(pointer).and_then(Value::as_str).unwrap().to_owned()
}

#[test]
fn the_six_requests_of_the_readme_work_as_they_stand() {
    for (dialect, database) in testkit::empty_database_addresses() {
        let machine = Machine::new();
        create_owner(&machine, &database, PASSWORD);
        let server = serve(&machine, &database, &[]);
        let mut client = Client::new(server.base_url()).unwrap();
        let (mut token, mut project, mut key) = (String::new(), String::new(), String::new());
        let requests = published();
        assert_eq!(requests.len(), 6, "the README shows six requests");
        for (line, status) in requests.iter().zip([200, 201, 201, 201, 201, 200]) {
            let filled = line
                .replace("<access-token>", &token)
                .replace("<projectId>", &project)
                .replace("<project-api-key>", &key);
            let reply = client.send(&request(&filled)).unwrap();
            assert_eq!(reply.status, status, "{dialect}: {line} answered {:?}", reply.json());
            match line {
                line if line.contains("/auth/login") => token = text(&reply, "/accessToken"),
                line if line.contains("/projects ") => project = text(&reply, "/id"),
                line if line.contains("/access-keys") => key = text(&reply, "/accessKey"),
                line if line.contains("/billing/overview") => {
                    // The credit and the usage sent just before.
                    assert_eq!(text(&reply, "/wallet/balance"), "100.000000");
                    assert_eq!(reply.json()["ingest"]["accepted"], 1, "{dialect}: {}", reply.json());
                }
                _ => {}
            }
        }
        machine.run(&["verify", "--database", &database]).succeeds();
    }
}

#[test]
fn the_login_of_the_readme_is_the_one_it_creates() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    assert!(readme.contains(EMAIL) && readme.contains(PASSWORD));
}
