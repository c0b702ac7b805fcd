//! The HTML page says everything, is the same every time, and nothing a stranger wrote is markup in it.

use crate::samples::{NAMES, sample};
use crate::{html, pdf};

#[test]
fn a_page_is_the_same_on_every_rendering_and_on_every_thread() {
    // checklist 69
    for name in NAMES {
        let first = html(&sample(name)).unwrap();
        let again: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| html(&sample(name)).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(again.iter().all(|page| *page == first), "{name}");
    }
}

#[test]
fn nothing_a_stranger_wrote_is_markup() {
    let page = html(&sample("hostile")).unwrap();
    let tags: Vec<&str> = page.split('<').skip(1).filter_map(|rest| rest.split([' ', '>', '\n']).next()).collect();
    let known = [
        "!doctype", "html", "head", "meta", "title", "style", "body", "main", "header", "h1", "h2", "p", "section",
        "dl", "div", "dt", "dd", "strong", "table", "thead", "tbody", "tr", "th", "td", "span", "small", "i", "footer",
    ];
    let strange: Vec<&&str> = tags.iter().filter(|tag| !known.contains(&tag.trim_start_matches('/'))).collect();
    assert_eq!(strange, Vec::<&&str>::new());
    assert!(page.contains("&#60;script&#62;alert(&#34;x&#34;)&#60;/script&#62;"), "the text itself is there");
    assert!(!page.contains('\u{202e}'), "no mark turns the order of the text around");
}

#[test]
fn a_page_needs_nothing_from_elsewhere() {
    for name in NAMES {
        let page = html(&sample(name)).unwrap();
        for outside in ["<script", "src=", "href=", "url(", "@import", "onload"] {
            let is_data = name == "hostile" && outside == "<script";
            assert!(!page.contains(outside) || is_data, "{name}: {outside}");
        }
    }
}

#[test]
fn both_renderings_say_the_same_language() {
    assert!(html(&sample("german")).unwrap().contains("<html lang=\"de-DE\">"));
    let bytes = pdf(&sample("german")).unwrap();
    assert!(String::from_utf8_lossy(&bytes).contains("/Lang(de-DE)"));
}

#[test]
fn the_style_of_the_page_is_the_one_that_policies_allow() {
    let page = html(&sample("plain")).unwrap();
    let style = page.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next());
    assert_eq!(style, Some(crate::STYLE));
    assert!(!page.contains("style="));
}
