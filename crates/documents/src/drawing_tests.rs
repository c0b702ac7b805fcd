//! A tripwire: what this version draws is what it drew before, on this machine or another, whatever was updated.

use sha2::{Digest, Sha256};

use crate::samples::sample;
use crate::{DRAWING, html, pdf};

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_drawing_changes_only_with_its_number() {
    // promise P17: not with threads, zones, languages or machines. Where a template or typst changed on purpose: raise `DRAWING`, then
    // write down the new digests.
    let drawn = ["hybrid", "german", "hostile"].map(|name| {
        let document = sample(name);
        (digest(html(&document).unwrap().as_bytes()), digest(&pdf(&document).unwrap()))
    });
    insta::assert_debug_snapshot!((DRAWING, drawn), @r#"
    (
        1,
        [
            (
                "5b48982ff3ec159bbbe01d615c434d2a9d9d42158768ba006e6742d8722cb0b2",
                "5b9406c1888bfceb0eeb25690a5d9cd041f2f026cd1c364afed3d8975051bf7c",
            ),
            (
                "63b43d9c678b4a74a547d8211ff9c0b3df3e1e25e33687af984c6fc66760e6c3",
                "bd78e2649370802b64638471a6838343e9eb9217ee75d2b1b87d3796d38a226e",
            ),
            (
                "73050658147c465c67be89d0859dc46efae46eb57b885cca854233e2e53149d7",
                "f3ce6ad44669a842a932f792e7b75db92ff28a7b67efa9647653d8269fc40ed7",
            ),
        ],
    )
    "#);
}
