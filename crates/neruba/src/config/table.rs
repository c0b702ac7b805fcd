//! Every setting, in one table: from it the file, the environment, `config show` and the reference page are read.

/// One thing that can be set.
pub struct Setting {
    /// Its name in `neruba.toml`.
    pub key: &'static str,
    /// Its name in the environment.
    pub variable: &'static str,
    pub default: Default,
    pub about: &'static str,
}

/// What holds when nobody says otherwise.
pub enum Default {
    Always(&'static str),
    ByEnvironment {
        development: &'static str,
        production: &'static str,
    },
    /// There is none; what happens then is told in `about`.
    Nothing,
}

/// The one setting that the file does not take: a secret does not belong into it.
pub const SECRET: &str = "secret";

use Default::{Always, ByEnvironment, Nothing};

const fn setting(key: &'static str, variable: &'static str, default: Default, about: &'static str) -> Setting {
    Setting { key, variable, default, about }
}

const ON_IN_DEVELOPMENT: Default = ByEnvironment { development: "true", production: "false" };

pub const SETTINGS: &[Setting] = &[
    setting(
        "env",
        "NERUBA_ENV",
        Always("development"),
        "`development` or `production`. Production refuses missing, weak and default secrets and shows neither docs nor figures.",
    ),
    setting(
        "databaseUrl",
        "NERUBA_DATABASE_URL",
        Always("sqlite://data/neruba.db"),
        "`sqlite://path` or `postgres://user:password@host/name`. Flag `--database`.",
    ),
    setting(
        "databaseConnections",
        "NERUBA_DATABASE_CONNECTIONS",
        Always("16"),
        "Connections at most (SQLite: for reading; one more writes).",
    ),
    setting("listen", "NERUBA_LISTEN", Always("127.0.0.1:8080"), "Address and port of the server. Flag `--listen`."),
    setting(
        SECRET,
        "NERUBA_SECRET",
        Nothing,
        "The installation's secret, at least 32 random bytes: tokens and access keys are worthless without it. Environment only; prefer the file.",
    ),
    setting(
        "secretFile",
        "NERUBA_SECRET_FILE",
        Nothing,
        "A file that holds the secret. In development, without either, one is made on first start: `neruba.secret` beside the SQLite file, else in `data/`.",
    ),
    setting(
        "logFormat",
        "NERUBA_LOG_FORMAT",
        ByEnvironment { development: "text", production: "json" },
        "`text` or `json`.",
    ),
    setting(
        "logFilter",
        "NERUBA_LOG",
        Always("info"),
        "What is logged: `info`, `warn`, or by part: `info,server=debug`.",
    ),
    setting("exposeDocs", "NERUBA_EXPOSE_DOCS", ON_IN_DEVELOPMENT, "Whether `/docs` exists."),
    setting("exposeOpenapi", "NERUBA_EXPOSE_OPENAPI", ON_IN_DEVELOPMENT, "Whether `/openapi.json` exists."),
    setting("exposeMetrics", "NERUBA_EXPOSE_METRICS", ON_IN_DEVELOPMENT, "Whether `/metrics` exists."),
    setting(
        "trustedProxies",
        "NERUBA_TRUSTED_PROXIES",
        Always(""),
        "Addresses or networks whose `X-Forwarded-For` is believed, as a list or separated by commas: `10.0.0.0/8`.",
    ),
    setting(
        "requestsPerSecondPerProject",
        "NERUBA_REQUESTS_PER_SECOND_PER_PROJECT",
        Always("20000"),
        "Of all access keys of one project together; each node counts for itself. Bursts may be twice as large.",
    ),
    setting("requestsPerSecondPerKey", "NERUBA_REQUESTS_PER_SECOND_PER_KEY", Always("20000"), "Of one access key."),
    setting("requestsPerSecondPerUser", "NERUBA_REQUESTS_PER_SECOND_PER_USER", Always("500"), "Of one user."),
    setting(
        "bodyBytesMax",
        "NERUBA_BODY_BYTES_MAX",
        Always("65536"),
        "Longest body of a single request; batches may have 16 MiB.",
    ),
    setting("bodySecondsMax", "NERUBA_BODY_SECONDS_MAX", Always("30"), "How long a body may take to arrive."),
    setting(
        "requestSecondsMax",
        "NERUBA_REQUEST_SECONDS_MAX",
        Always("60"),
        "How long a request may take until its answer.",
    ),
    setting(
        "connectionsMax",
        "NERUBA_CONNECTIONS_MAX",
        Always("8192"),
        "Open connections of callers; more wait to be accepted.",
    ),
    setting(
        "compressReplies",
        "NERUBA_COMPRESS_REPLIES",
        Always("false"),
        "Compress replies (gzip) for callers that ask for it.",
    ),
];

/// The reference page of all settings.
pub fn markdown() -> String {
    let mut text = "<!-- Made by `neruba reference`; edit the code instead. -->\n# Configuration\n\n\
        A flag wins over the environment, the environment over `neruba.toml` (in the working folder, or `--config <file>`, or \
        `NERUBA_CONFIG`), the file over the default. Unknown keys are refused, in the file and among the variables that begin with \
        `NERUBA_`. `neruba config show` prints what holds and where it comes from.\n\n\
        | `neruba.toml` | environment | default | meaning |\n|---|---|---|---|\n"
        .to_owned();
    for setting in SETTINGS {
        let key = if setting.key == SECRET { String::new() } else { format!("`{}`", setting.key) };
        let default = match setting.default {
            Always("") | Nothing => String::new(),
            Always(value) => format!("`{value}`"),
            ByEnvironment { development, production } => format!("`{development}`; in production `{production}`"),
        };
        text.push_str(&format!("| {key} | `{}` | {default} | {} |\n", setting.variable, setting.about));
    }
    text
}
