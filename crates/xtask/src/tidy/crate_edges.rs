//! Rule `crate-edges`: who may depend on whom (ARCHITECTURE.md, "Code map"): each boundary is a rule the compiler then enforces.

use super::manifests::{Dependency, Section, dependencies};
use super::source::SourceFile;
use super::{Finding, Rule, Tree};

pub const RULE: Rule =
    Rule { name: "crate-edges", about: "a crate depends only on the crates its layer allows", check };

struct Layer {
    name: &'static str,
    /// Crates of this workspace that its code may use.
    uses: &'static [&'static str],
    /// Crates of this workspace that its tests may use besides, always together with `testkit`.
    tests_use: &'static [&'static str],
}

const LAYERS: &[Layer] = &[
    Layer { name: "domain", uses: &[], tests_use: &[] },
    Layer { name: "documents", uses: &["domain"], tests_use: &[] },
    Layer { name: "storage", uses: &["domain"], tests_use: &[] },
    Layer { name: "engine", uses: &["domain", "storage", "documents"], tests_use: &[] },
    Layer { name: "integrations", uses: &["domain", "engine"], tests_use: &["storage"] },
    Layer { name: "server", uses: &["domain", "engine"], tests_use: &["storage"] },
    Layer {
        name: "neruba",
        uses: &["domain", "documents", "storage", "engine", "integrations", "server", "load"],
        tests_use: &[],
    },
    Layer { name: "testkit", uses: &["domain", "storage", "engine"], tests_use: &[] },
    Layer { name: "load", uses: &["domain"], tests_use: &["storage", "engine", "server"] },
    Layer { name: "simulation", uses: &["domain", "storage", "engine", "testkit"], tests_use: &[] },
    Layer { name: "xtask", uses: &[], tests_use: &[] },
];

struct Owned {
    packages: &'static [&'static str],
    /// The only crates whose code may use these packages.
    by: &'static [&'static str],
    why: &'static str,
}

const OWNED: &[Owned] = &[
    Owned {
        packages: &[
            "rusqlite",
            "libsqlite3-sys",
            "postgres",
            "postgres-types",
            "tokio-postgres",
            "tokio-postgres-rustls",
        ],
        by: &["storage"],
        why: "only `storage` knows the databases",
    },
    Owned {
        packages: &[
            "axum",
            "axum-extra",
            "hyper",
            "tower",
            "tower-http",
            "utoipa-axum",
            "utoipa-swagger-ui",
            "rust-embed",
        ],
        by: &["server"],
        why: "only `server` speaks HTTP",
    },
    Owned { packages: &["askama"], by: &["server", "documents"], why: "only `server` and `documents` write HTML" },
    Owned {
        packages: &["typst", "typst-pdf", "typst-layout", "comemo"],
        by: &["documents"],
        why: "only `documents` draws pages; it takes minutes to build",
    },
    Owned { packages: &["tokio"], by: &["server", "neruba"], why: "the core is synchronous" },
    Owned {
        packages: &["ureq", "reqwest", "lettre"],
        by: &["integrations", "load"],
        why: "only `integrations` opens connections to others",
    },
    Owned {
        packages: &["getrandom", "rand", "fastrand"],
        by: &["neruba", "load", "testkit", "simulation"],
        why: "randomness comes through the `Random` port",
    },
    Owned { packages: &["utoipa"], by: &["domain", "engine", "server"], why: "only what the API answers has a schema" },
    Owned { packages: &["clap"], by: &["neruba", "load"], why: "only the binary has a command line" },
    Owned {
        packages: &["anyhow"],
        by: &["neruba", "load", "testkit", "simulation", "xtask"],
        why: "libraries have errors a caller can match",
    },
];

fn check(tree: &Tree) -> Vec<Finding> {
    let is_manifest = |file: &&SourceFile| {
        file.crate_name().is_some() && file.path.split('/').count() == 3 && file.path.ends_with("/Cargo.toml")
    };
    tree.files.iter().filter(is_manifest).flat_map(|file| check_manifest(tree, file)).collect()
}

fn check_manifest(tree: &Tree, file: &SourceFile) -> Vec<Finding> {
    let name = file.crate_name().unwrap_or("");
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
        let message = format!("crate `{name}` has no layer; give it one in `crate_edges.rs` and ARCHITECTURE.md");
        return vec![file.finding(RULE.name, 1, message)];
    };
    let Ok(dependencies) = dependencies(file) else {
        return Vec::new();
    };
    let is_ours = |dependency: &Dependency| tree.file(&format!("crates/{}/Cargo.toml", dependency.name)).is_some();
    dependencies
        .iter()
        .filter_map(|dependency| {
            let complaint = if is_ours(dependency) {
                edge_complaint(layer, dependency)
            } else {
                owner_complaint(layer, dependency)
            };
            Some(file.finding(RULE.name, dependency.line, complaint?))
        })
        .collect()
}

fn edge_complaint(layer: &Layer, dependency: &Dependency) -> Option<String> {
    let name = dependency.name.as_str();
    let is_allowed = match dependency.section {
        Section::Code => layer.uses.contains(&name),
        Section::Tests => name == "testkit" || layer.uses.contains(&name) || layer.tests_use.contains(&name),
    };
    (!is_allowed).then(|| {
        let allowed = if layer.uses.is_empty() { "none of our crates".to_owned() } else { layer.uses.join(", ") };
        format!(
            "`{}` may not depend on `{name}` (allowed: {allowed}); move the code to the layer it belongs to",
            layer.name
        )
    })
}

fn owner_complaint(layer: &Layer, dependency: &Dependency) -> Option<String> {
    let owned = OWNED.iter().find(|owned| owned.packages.contains(&dependency.name.as_str()))?;
    // Tests of the layers above start real servers and look into real databases.
    let is_allowed = owned.by.contains(&layer.name)
        || dependency.section == Section::Tests
            && matches!(layer.name, "server" | "neruba" | "load" | "storage" | "engine");
    (!is_allowed).then(|| format!("`{}` may not depend on `{}`: {}", layer.name, dependency.name, owned.why))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in a crate's manifest in a workspace that has all layers.
    fn found(name: &str, manifest: &str) -> Vec<usize> {
        let path = format!("crates/{name}/Cargo.toml");
        let others: Vec<String> = LAYERS
            .iter()
            .filter(|layer| layer.name != name)
            .map(|layer| format!("crates/{}/Cargo.toml", layer.name))
            .collect();
        let mut files: Vec<(&str, &str)> = others.iter().map(|path| (path.as_str(), "")).collect();
        files.push((&path, manifest));
        check(&Tree::of(&files)).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn an_edge_against_the_layers_is_found() {
        assert_eq!(found("domain", "[dependencies]\nstorage.workspace = true\n"), [2]);
        assert_eq!(found("server", "[dependencies]\nengine.workspace = true\nstorage = { workspace = true }\n"), [3]);
        assert_eq!(found("engine", "[dependencies]\ntestkit.workspace = true\n"), [2]);
        assert_eq!(found("load", "[target.'cfg(unix)'.dependencies]\nengine.workspace = true\n"), [2]);
    }

    #[test]
    fn a_package_in_the_wrong_layer_is_found() {
        assert_eq!(found("engine", "[dependencies]\nrusqlite.workspace = true\n"), [2]);
        assert_eq!(found("engine", "[dependencies]\ntokio.workspace = true\n"), [2]);
        assert_eq!(found("storage", "[dependencies]\ngetrandom.workspace = true\n"), [2]);
        assert_eq!(found("server", "[dependencies]\nureq.workspace = true\n"), [2]);
    }

    #[test]
    fn a_crate_without_a_layer_is_found() {
        assert_eq!(found("magic", "[dependencies]\n"), [1]);
    }

    #[test]
    fn edges_along_the_layers_and_in_tests_pass() {
        assert_eq!(
            found(
                "engine",
                "[dependencies]\ndomain.workspace = true\nstorage.workspace = true\n[dev-dependencies]\ntestkit.workspace = true\n"
            ),
            [0; 0]
        );
        assert_eq!(
            found(
                "server",
                "[dependencies]\naxum.workspace = true\ntokio.workspace = true\n[dev-dependencies]\nureq.workspace = true\n"
            ),
            [0; 0]
        );
        assert_eq!(
            found("neruba", "[dependencies]\nload.workspace = true\nserver.workspace = true\nserde.workspace = true\n"),
            [0; 0]
        );
    }
}
