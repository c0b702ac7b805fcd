//! Rule `lock-file`: no banned package gets into the build, but through the packages that the ban names as its wrappers. The bans are
//! those of `deny.toml`; this check needs no tool and no network.

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
    let packages = locked_packages(lock);
    let is_wrapped = |ban: &Ban| {
        let brings = |package: &&Locked| package.dependencies.contains(&ban.name);
        packages.iter().filter(brings).all(|package| ban.wrappers.contains(&package.name))
    };
    packages
        .iter()
        .filter_map(|package| {
            let ban = banned.iter().find(|ban| ban.name == package.name)?;
            let is_allowed = !ban.wrappers.is_empty() && is_wrapped(ban);
            let (name, reason) = (&ban.name, &ban.reason);
            let message = format!("`{name}` is banned: {reason}; find who brings it with `cargo tree --invert {name}`");
            (!is_allowed).then(|| lock.finding(RULE.name, package.line, message))
        })
        .collect()
}

/// One entry of `bans.deny`.
struct Ban {
    name: String,
    reason: String,
    /// The packages that may bring it.
    wrappers: Vec<String>,
}

fn banned_packages(file: &SourceFile) -> Vec<Ban> {
    let Ok(table) = file.text.parse::<Table>() else {
        return Vec::new();
    };
    let bans = table.get("bans").and_then(|bans| bans.get("deny")).and_then(Value::as_array);
    let ban = |ban: &Value| {
        let field = |name: &str| ban.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Ban { name: field("crate")?, reason: field("reason")?, wrappers: texts(ban.get("wrappers")) })
    };
    bans.into_iter().flatten().filter_map(ban).collect()
}

/// One package of the lock file.
struct Locked {
    /// Where its name stands.
    line: usize,
    name: String,
    dependencies: Vec<String>,
}

/// The format is generated: one `name = "…"` per package, in the order of the packages.
fn locked_packages(file: &SourceFile) -> Vec<Locked> {
    let Ok(table) = file.text.parse::<Table>() else {
        return Vec::new();
    };
    let lines = file.text.lines().enumerate().filter(|(_, line)| line.starts_with("name = "));
    let packages = table.get("package").and_then(Value::as_array);
    let locked = packages.into_iter().flatten().zip(lines).filter_map(|(package, (index, _))| {
        let name = package.get("name")?.as_str()?.to_owned();
        // A dependency of which there are several versions stands with its version.
        let first_word = |text: String| text.split(' ').next().unwrap_or_default().to_owned();
        let dependencies = texts(package.get("dependencies")).into_iter().map(first_word).collect();
        Some(Locked { line: index + 1, name, dependencies })
    });
    locked.collect()
}

fn texts(list: Option<&Value>) -> Vec<String> {
    let values = list.and_then(Value::as_array).into_iter().flatten();
    values.filter_map(Value::as_str).map(str::to_owned).collect()
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
    fn a_ban_with_wrappers_lets_only_them_bring_it() {
        let deny = "[bans]\ndeny = [{ crate = \"floats\", reason = \"r\", wrappers = [\"layout\"] }]\n";
        let layout = "[[package]]\nname = \"layout\"\ndependencies = [\n \"floats 1.0.0\",\n]\n";
        let floats = "[[package]]\nname = \"floats\"\n";
        assert_eq!(found(&format!("{floats}\n{layout}"), deny), []);
        let money = "[[package]]\nname = \"money\"\ndependencies = [\"floats\"]\n";
        assert_eq!(found(&format!("{floats}\n{layout}\n{money}"), deny), [("Cargo.lock".to_owned(), 2)]);
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
