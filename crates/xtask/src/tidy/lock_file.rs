//! Rule `lock-file`: no banned package gets into the build. The bans are those of `deny.toml`; this check needs no tool and no network.

use toml::{Table, Value};

use super::source::SourceFile;
use super::{Finding, Rule, Tree};

pub const RULE: Rule = Rule { name: "lock-file", about: "no package that deny.toml bans is in Cargo.lock", check };

fn check(tree: &Tree) -> Vec<Finding> {
    let Some(lock) = tree.file("Cargo.lock") else {
        return Vec::new();
    };
    let Some(bans) = tree.file("deny.toml") else {
        return vec![lock.finding(RULE.name, 1, "deny.toml is missing; the list of banned packages is there")];
    };
    let banned = banned_packages(bans);
    if banned.is_empty() {
        return vec![bans.finding(
            RULE.name,
            1,
            "no bans can be read; `[bans]` needs `deny = [{ crate = …, reason = … }]`",
        )];
    }
    locked_packages(lock)
        .into_iter()
        .filter_map(|(line, name)| {
            let (_, reason) = banned.iter().find(|(ban, _)| *ban == name)?;
            let message = format!("`{name}` is banned: {reason}; find who brings it with `cargo tree --invert {name}`");
            Some(lock.finding(RULE.name, line, message))
        })
        .collect()
}

/// `(name, reason)` of each ban.
fn banned_packages(file: &SourceFile) -> Vec<(String, String)> {
    let Ok(table) = file.text.parse::<Table>() else {
        return Vec::new();
    };
    let bans = table.get("bans").and_then(|bans| bans.get("deny")).and_then(Value::as_array);
    let field = |ban: &Value, name: &str| ban.get(name).and_then(Value::as_str).map(str::to_owned);
    bans.into_iter().flatten().filter_map(|ban| Some((field(ban, "crate")?, field(ban, "reason")?))).collect()
}

/// `(line, name)` of each package: the format is generated, one `name = "…"` per package.
fn locked_packages(file: &SourceFile) -> Vec<(usize, &'static str)> {
    let name_of = |line: &'static str| line.strip_prefix("name = \"")?.strip_suffix('"');
    file.text.lines().enumerate().filter_map(|(index, line)| Some((index + 1, name_of(line)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = "[bans]\ndeny = [{ crate = \"openssl-sys\", reason = \"rustls is used\" }]\n";

    fn found(lock: &str, deny: &str) -> Vec<(String, usize)> {
        let tree = Tree::of(&[("Cargo.lock", lock), ("deny.toml", deny)]);
        check(&tree).into_iter().map(|finding| (finding.path, finding.line)).collect()
    }

    #[test]
    fn a_banned_package_is_found() {
        let lock = "[[package]]\nname = \"ring\"\n\n[[package]]\nname = \"openssl-sys\"\nversion = \"0.9.0\"\n";
        assert_eq!(found(lock, DENY), [("Cargo.lock".to_owned(), 5)]);
    }

    #[test]
    fn missing_bans_are_found() {
        assert_eq!(found("", "[bans]\n"), [("deny.toml".to_owned(), 1)]);
        assert_eq!(check(&Tree::of(&[("Cargo.lock", "")])).len(), 1);
    }

    #[test]
    fn other_packages_pass() {
        assert_eq!(found("[[package]]\nname = \"ring\"\ndependencies = [\n \"openssl-probe\",\n]\n", DENY), []);
    }
}
