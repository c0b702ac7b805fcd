//! Lists in pages: `{ "data": [...], "nextCursor": … }`, by position in the order of the list, never by offset.

use std::fmt::Display;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::refusal::{Code, Refusal};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;

/// Comes first in a cursor: a cursor of another version is refused, never misread.
const VERSION: &str = "1:";

/// Which page of a list is wanted.
#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many items at most: 1 to 200, 50 if not given.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// The `nextCursor` of the page before; nothing for the first page.
    cursor: Option<String>,
}

/// One page of a list.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    pub data: Vec<T>,
    /// Where the next page begins; `null` on the last one.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

impl PageQuery {
    /// How many items the page shows.
    ///
    /// # Errors
    /// [`Code::InvalidQuery`] for a limit outside 1 to 200.
    pub fn limit(&self) -> Result<usize, Refusal> {
        match self.limit {
            None => Ok(LIMIT_DEFAULT),
            Some(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
            Some(_) => Err(Refusal::field(Code::InvalidQuery, "limit", format!("is a number from 1 to {LIMIT_MAX}."))),
        }
    }

    /// How many items to ask the engine for: one more than is shown, to know whether there is a next page.
    ///
    /// # Errors
    /// As [`PageQuery::limit`].
    pub fn fetch(&self) -> Result<usize, Refusal> {
        Ok(self.limit()? + 1)
    }

    /// The position after which the page begins: whatever [`Page::new`] was told of the last item.
    ///
    /// # Errors
    /// [`Code::InvalidCursor`] for a text that no list gave out.
    pub fn after<P: FromStr>(&self) -> Result<Option<P>, Refusal> {
        self.cursor.as_deref().map(decode).transpose()
    }
}

impl<T> Page<T> {
    /// A page of what the engine returned for [`PageQuery::fetch`]; `position` names the place of an item in the list's order.
    ///
    /// # Errors
    /// As [`PageQuery::limit`].
    pub fn new<P: Display>(
        mut items: Vec<T>,
        query: &PageQuery,
        position: impl Fn(&T) -> P,
    ) -> Result<Page<T>, Refusal> {
        let limit = query.limit()?;
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| has_more).map(|last| encode(&position(last)));
        Ok(Page { data: items, next_cursor })
    }
}

fn encode(position: &impl Display) -> String {
    URL_SAFE_NO_PAD.encode(format!("{VERSION}{position}"))
}

fn decode<P: FromStr>(cursor: &str) -> Result<P, Refusal> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.strip_prefix(VERSION)?.parse().ok())
        .ok_or_else(|| {
            let detail = "is not a nextCursor of this list. Begin again without a cursor.";
            Refusal::field(Code::InvalidCursor, "cursor", detail)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(limit: Option<usize>, cursor: Option<String>) -> PageQuery {
        PageQuery { limit, cursor }
    }

    #[test]
    fn the_last_page_has_no_cursor_and_no_item_is_shown_twice() {
        let first = query(Some(2), None);
        let page = Page::new(vec![1, 2, 3], &first, |n| *n).unwrap();
        assert_eq!(page.data, [1, 2]);
        let second = query(Some(2), page.next_cursor);
        assert_eq!(second.after::<i32>(), Ok(Some(2)));
        let page = Page::new(vec![3], &second, |n| *n).unwrap();
        assert_eq!((page.data, page.next_cursor), (vec![3], None));
    }

    #[test]
    fn a_limit_outside_its_range_is_refused() {
        for limit in [0, 201] {
            assert_eq!(query(Some(limit), None).limit().unwrap_err().code, Code::InvalidQuery);
        }
        assert_eq!(query(None, None).limit(), Ok(50));
    }

    #[test]
    fn a_cursor_of_something_else_is_refused() {
        for cursor in ["", "x", "!", &URL_SAFE_NO_PAD.encode("2:7"), &encode(&"seven")] {
            let refusal = query(None, Some(cursor.to_owned())).after::<i32>().unwrap_err();
            assert_eq!(refusal.code, Code::InvalidCursor, "{cursor}");
        }
    }
}
