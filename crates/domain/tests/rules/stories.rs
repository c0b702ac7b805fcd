//! Runs the stories of `tests/stories/`: what happens to a subscription, date by date, and what is expected of it.
//!
//! A story is a text file. Lines that begin with `#` are for people: there the expected values are worked out by hand. Dates and times are
//! those of the story's zone; a date alone is its midnight. What a line can say is in [`catalog`] (plans), [`told`] (changes) and
//! [`expected`] (expectations).

mod catalog;
mod expected;
mod notation;
mod told;

use std::path::Path;

use told::Story;

/// The fewest stories there are; the number only grows.
const STORIES_MIN: usize = 41;

#[test]
fn every_story_comes_out_as_it_is_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut failures = Vec::new();
    for file in &files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.starts_with("# "), "{name} begins with a title");
        failures.extend(run(&text).into_iter().map(|failure| format!("{name}:{failure}")));
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(files.len() >= STORIES_MIN, "there are only {} stories", files.len());
}

/// What does not come out, each with the number of its line.
fn run(text: &str) -> Vec<String> {
    let mut story = Story::default();
    let mut failures = Vec::new();
    let mut expectations = 0;
    let lines: Vec<(usize, &str)> = (1..).zip(text.lines()).filter(|(_, line)| is_told(line)).collect();
    let mut next = 0;
    while let Some((number, line)) = lines.get(next) {
        next += 1;
        let block: Vec<&str> = lines[next..]
            .iter()
            .map(|(_, line)| *line)
            .take_while(|line| line.starts_with(' '))
            .map(str::trim)
            .collect();
        next += block.len();
        if let Some(question) = line.strip_prefix("expect ") {
            expectations += 1;
            let found = expected::answer(&story, question);
            if found != block {
                let (block, found) = (block.join("\n    "), found.join("\n    "));
                failures.push(format!("{number}: {line}\n  expected\n    {block}\n  found\n    {found}"));
            }
        } else if let Err(problem) = story.hear(line, &block) {
            failures.push(format!("{number}: {line}\n  {problem}"));
        }
    }
    if expectations == 0 {
        failures.push("0: expects nothing".to_owned());
    }
    failures
}

fn is_told(line: &str) -> bool {
    !line.trim().is_empty() && !line.trim_start().starts_with('#')
}

/// A runner that accepts everything proves nothing.
#[test]
fn a_story_that_is_wrong_is_told_by_its_line() {
    let told = "plan p EUR\n  base recurring 31 monthly advance calendar\n2024-02-01 subscribe p\n";
    let wrong = format!("{told}expect ends\n  2024-03-01\nrefuse not_paused: 2024-02-02 pause\n2024-02-03 pause\n");
    let failures = run(&wrong);
    assert_eq!(failures.len(), 3, "{failures:?}");
    assert!(
        failures[0].starts_with("4: expect ends") && failures[1].starts_with("6: ") && failures[2].starts_with("7: ")
    );
    assert_eq!(run(&format!("{told}expect ends\n  never\n")), Vec::<String>::new());
    assert_eq!(run(told), ["0: expects nothing"]);
}
