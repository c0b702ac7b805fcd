//! The HTML page: the template escapes every text, so that nothing a stranger wrote becomes markup.

use askama::Template;

use crate::printable::printable;
use crate::view::{Figure, View, Weight};

#[derive(Template)]
#[template(path = "document.html")]
struct Page<'a> {
    view: &'a View,
    style: &'static str,
}

pub(crate) fn draw(view: &View) -> Result<String, String> {
    let page = Page { view, style: crate::STYLE };
    page.render().map(|text| printable(&text)).map_err(|error| error.to_string())
}

impl Weight {
    const fn class(self) -> &'static str {
        match self {
            Weight::Plain => "plain",
            Weight::Aside => "aside",
            Weight::Strong => "strong",
            Weight::Due => "due",
        }
    }
}

impl Figure {
    fn has_pad(&self) -> bool {
        !self.pad.is_empty()
    }
}

#[cfg(test)]
mod tests;
