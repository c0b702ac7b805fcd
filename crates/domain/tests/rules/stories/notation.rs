//! Words, dates and times of stories.

use domain::time::Instant;
use domain::window::Span;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// The words of a line, taken one after another.
pub struct Words<'t> {
    words: std::iter::Peekable<std::str::SplitWhitespace<'t>>,
    zone: TimeZone,
}

impl<'t> Words<'t> {
    pub fn of(line: &'t str, zone: &TimeZone) -> Words<'t> {
        Words { words: line.split_whitespace().peekable(), zone: zone.clone() }
    }

    pub fn word(&mut self) -> &'t str {
        self.words.next().expect("the line goes on")
    }

    pub fn optional(&mut self) -> Option<&'t str> {
        self.words.next()
    }

    /// Takes these words if they come next.
    pub fn take(&mut self, words: &str) -> bool {
        let mut ahead = self.words.clone();
        let comes = words.split_whitespace().all(|word| ahead.next() == Some(word));
        if comes {
            self.words = ahead;
        }
        comes
    }

    /// Takes `name=value` if it comes next.
    pub fn pair(&mut self) -> Option<(&'t str, &'t str)> {
        let pair = self.words.peek()?.split_once('=')?;
        self.words.next();
        Some(pair)
    }

    /// `2024-03-31`, or `2024-03-31 14:30`.
    pub fn instant(&mut self) -> Instant {
        let date: Date = self.word().parse().expect("a date");
        let is_time = |word: &&str| word.len() == 5 && word.as_bytes()[2] == b':';
        let time = self.words.next_if(is_time).map_or("00:00", |time| time);
        local(date.to_datetime(format!("{time}:00").parse().expect("a time")), &self.zone)
    }

    pub fn end(&mut self) {
        assert_eq!(self.words.next(), None, "the line has ended");
    }
}

fn local(at: DateTime, zone: &TimeZone) -> Instant {
    Instant::from_timestamp(at.to_zoned(zone.clone()).unwrap().timestamp())
}

/// The date, with the time unless it is midnight.
pub fn written(at: Instant, zone: &TimeZone) -> String {
    let local = at.timestamp().to_zoned(zone.clone()).datetime();
    let text = local.strftime("%Y-%m-%d %H:%M").to_string();
    text.strip_suffix(" 00:00").map_or(text.clone(), str::to_owned)
}

pub fn written_span(span: Span, zone: &TimeZone) -> String {
    format!("{} .. {}", written(span.start, zone), written(span.end, zone))
}
