//! The tree of a YAML document, with the line of every node. Built without recursion, within limits.

use std::collections::HashMap;

use domain::refusal::{Code, FieldError, Refusal};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

/// Deepest nesting of lists and maps, as for JSON.
const DEPTH_MAX: usize = 32;

/// The most nodes of a document, with every alias counted as what it stands for.
const NODES_MAX: usize = 100_000;

/// One document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document {
    root: Node,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// From 1.
    pub line: u32,
    pub content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub text: String,
    /// Written without quotes: it may be a number, a truth value or nothing.
    pub is_plain: bool,
}

impl Scalar {
    /// Nothing at all, or a word for it.
    pub(super) fn is_nothing(&self) -> bool {
        self.is_plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub name: String,
    pub line: u32,
    pub node: Node,
}

/// A list or a map that is not closed yet.
struct Open {
    node: Node,
    anchor: usize,
    /// The key of a map whose value comes next.
    key: Option<(String, u32)>,
}

struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    nodes_max: usize,
}

impl Document {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Document, Refusal> {
        let text = std::str::from_utf8(bytes).map_err(|_| malformed(1, 1, "the body is not UTF-8 text"))?;
        if text.contains('\0') {
            return Err(malformed(1, 1, "the body contains the character U+0000"));
        }
        Document::build(text, NODES_MAX)
    }

    /// What this program wrote itself, however long.
    pub(super) fn of_json(text: &str) -> Result<Document, Refusal> {
        Document::build(text, usize::MAX)
    }

    fn build(text: &str, nodes_max: usize) -> Result<Document, Refusal> {
        let mut builder = Builder { open: Vec::new(), root: None, anchors: HashMap::new(), nodes: 0, nodes_max };
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| broken(&error))?;
            builder.take(event, span)?;
        }
        let is_something = |node: &Node| !matches!(&node.content, Content::Scalar(scalar) if scalar.is_nothing());
        let nothing = || Node { line: 1, content: Content::Map(Vec::new()) };
        Ok(Document { root: builder.root.filter(is_something).unwrap_or_else(nothing) })
    }

    pub(crate) fn root(&self) -> &Node {
        &self.root
    }

    /// The line of the deepest part of a path that is in the document: `plans[0].prices[2].terms`.
    pub(crate) fn line_of(&self, path: &str) -> Option<u32> {
        let mut node = &self.root;
        let mut line = None;
        for step in path.split(['.', '[', ']']).filter(|step| !step.is_empty()) {
            (node, line) = match &node.content {
                Content::Map(entries) => match entries.iter().find(|entry| entry.name == step) {
                    Some(entry) => (&entry.node, Some(entry.line)),
                    None => break,
                },
                Content::List(items) => match step.parse::<usize>().ok().and_then(|index| items.get(index)) {
                    Some(item) => (item, Some(item.line)),
                    None => break,
                },
                Content::Scalar(_) => break,
            };
        }
        line
    }
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Refusal> {
        let line = line_of(&span);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(malformed(line, 1, "a second document begins; send one"))
            }
            Event::DocumentStart(_) => Ok(()),
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                Err(malformed(line, span.start.col() + 1, "tags (`!…`) are not read here"))
            }
            Event::Scalar(text, style, anchor, None) => {
                let scalar = Scalar { text: text.into_owned(), is_plain: style == ScalarStyle::Plain };
                self.add(Node { line, content: Content::Scalar(scalar) }, anchor)
            }
            Event::SequenceStart(anchor, None) => self.begin(line, Content::List(Vec::new()), anchor),
            Event::MappingStart(anchor, None) => self.begin(line, Content::Map(Vec::new()), anchor),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { node, anchor, .. }) => self.place(node, anchor),
                None => Err(malformed(line, 1, "a list or a map ends that never began")),
            },
            Event::Alias(anchor) => {
                let unknown = || malformed(line, span.start.col() + 1, "an alias stands inside what it stands for");
                let node = self.anchors.get(&anchor).ok_or_else(unknown)?;
                let size = node.size();
                let node = node.clone();
                self.count(size, line)?;
                self.require_depth(self.open.len() + node.depth())?;
                self.place(node, 0)
            }
        }
    }

    fn begin(&mut self, line: u32, content: Content, anchor: usize) -> Result<(), Refusal> {
        self.count(1, line)?;
        self.require_depth(self.open.len() + 1)?;
        self.open.push(Open { node: Node { line, content }, anchor, key: None });
        Ok(())
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Refusal> {
        self.count(1, node.line)?;
        self.place(node, anchor)
    }

    /// Puts a finished node where it belongs.
    fn place(&mut self, node: Node, anchor: usize) -> Result<(), Refusal> {
        if anchor != 0 {
            self.count(node.size(), node.line)?;
            self.anchors.insert(anchor, node.clone());
        }
        let path = self.path();
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut open.node.content, open.key.take()) {
            (Content::List(items), _) => items.push(node),
            (Content::Map(entries), Some((name, line))) => entries.push(Entry { name, line, node }),
            (Content::Map(entries), None) => {
                let line = node.line;
                let Content::Scalar(Scalar { text, .. }) = node.content else {
                    return Err(malformed(line, 1, "the key of a map is a text"));
                };
                if let Some(first) = entries.iter().find(|entry| entry.name == text) {
                    let field = if path.is_empty() { text } else { format!("{path}.{text}") };
                    let detail = format!("is given twice: first on line {}.", first.line);
                    return Err(on_line(line, Refusal::field(Code::InvalidValue, field, detail)));
                }
                open.key = Some((text, line));
            }
            (Content::Scalar(_), _) => {}
        }
        Ok(())
    }

    /// Where the open map or list stands.
    fn path(&self) -> String {
        let mut path = String::new();
        for open in self.open.iter().take(self.open.len().saturating_sub(1)) {
            match (&open.node.content, &open.key) {
                (Content::List(items), _) => path.push_str(&format!("[{}]", items.len())),
                (_, Some((name, _))) if path.is_empty() => path.push_str(name),
                (_, Some((name, _))) => path.push_str(&format!(".{name}")),
                (_, None) => {}
            }
        }
        path
    }

    fn count(&mut self, more: usize, line: u32) -> Result<(), Refusal> {
        self.nodes += more;
        if self.nodes <= self.nodes_max {
            return Ok(());
        }
        let detail =
            format!("The document holds more than {} values at line {line}, aliases counted in full.", self.nodes_max);
        Err(Refusal::new(Code::TooManyItems, detail))
    }

    fn require_depth(&self, depth: usize) -> Result<(), Refusal> {
        if depth <= DEPTH_MAX {
            return Ok(());
        }
        Err(Refusal::new(Code::TooDeep, format!("Maps and lists may be nested {DEPTH_MAX} deep at most.")))
    }
}

impl Node {
    /// How many nodes it is made of. Its depth is limited, so this goes no deeper either.
    fn size(&self) -> usize {
        1 + match &self.content {
            Content::Scalar(_) => 0,
            Content::List(items) => items.iter().map(Node::size).sum(),
            Content::Map(entries) => entries.iter().map(|entry| entry.node.size()).sum(),
        }
    }

    fn depth(&self) -> usize {
        match &self.content {
            Content::Scalar(_) => 0,
            Content::List(items) => 1 + items.iter().map(Node::depth).max().unwrap_or_default(),
            Content::Map(entries) => 1 + entries.iter().map(|entry| entry.node.depth()).max().unwrap_or_default(),
        }
    }
}

/// Says on which line of the document a refusal is about.
pub(super) fn on_line(line: u32, mut refusal: Refusal) -> Refusal {
    for error in &mut refusal.errors {
        error.line = Some(line);
    }
    refusal.detail = format!("Line {line}: {}", refusal.detail);
    refusal
}

fn line_of(span: &Span) -> u32 {
    u32::try_from(span.start.line()).unwrap_or(u32::MAX)
}

fn broken(error: &ScanError) -> Refusal {
    let line = u32::try_from(error.marker().line()).unwrap_or(u32::MAX);
    malformed(line, error.marker().col() + 1, error.info())
}

fn malformed(line: u32, column: usize, what: &str) -> Refusal {
    let detail = format!("The YAML breaks off at line {line}, column {column}: {what}.");
    let error = FieldError { line: Some(line), ..FieldError::new("body", Code::MalformedYaml, detail.clone()) };
    Refusal { errors: vec![error], ..Refusal::new(Code::MalformedYaml, detail) }
}
