//! What the use cases and the workers of jobs share: the name of this node.

use std::fmt::Write;
use std::sync::OnceLock;

use crate::ports::Random;

#[derive(Default)]
pub(crate) struct Runtime {
    node: OnceLock<String>,
}

impl Runtime {
    /// The name under which this engine holds leases.
    pub fn node(&self, random: &dyn Random) -> &str {
        self.node.get_or_init(|| {
            let mut bytes = [0_u8; 6];
            random.fill(&mut bytes);
            bytes.iter().fold("node-".to_owned(), |mut name, byte| {
                // Cannot fail: a string takes whatever is written to it.
                write!(name, "{byte:02x}").expect("a string can be written to");
                name
            })
        })
    }
}
