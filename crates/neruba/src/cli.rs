//! The command line: what each command takes, and the help that people read first.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::Flags;

/// A self-hosted billing engine: usage, prepaid credit and one explainable ledger, in one program.
#[derive(Debug, Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "Start here:\n  neruba demo                 a working server with three months of data\n  neruba serve                a server of your own, on SQLite\n  neruba <command> --help     what a command does, with examples"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server: API and workers in one process
    #[command(
        after_help = "Examples:\n  neruba serve\n  neruba serve --database sqlite:///var/lib/neruba/neruba.db --listen 0.0.0.0:8080\n  neruba serve --database postgres://neruba@db.internal/neruba --migrate\n\nOn SQLite the server brings the schema up to date by itself; on PostgreSQL only with --migrate, or by `neruba migrate`.\nSIGTERM and Ctrl-C stop it cleanly: running requests finish, accepted usage is stored."
    )]
    Serve(Serve),
    /// Show what Neruba does: a fresh project with three months of data, on a running server
    #[command(
        after_help = "Examples:\n  neruba demo\n  neruba demo --listen 127.0.0.1:9000\n\nWithout --database each run begins with a fresh file, data/demo.db. With --database the demo project is added to that\ndatabase, or reused if it is there."
    )]
    Demo(Demo),
    /// Bring the database's schema up to date
    #[command(
        after_help = "Examples:\n  neruba migrate\n  neruba migrate --database postgres://neruba@db.internal/neruba\n\nSafe to repeat, and to run on several machines at once."
    )]
    Migrate(DatabaseArgs),
    /// Manage users on the server's own machine
    Admin(Admin),
    /// Check every invariant of the stored data; exit 0 only if all hold
    #[command(
        after_help = "Examples:\n  neruba verify\n  neruba verify --database sqlite://backup.db --output json\n\nReads everything, changes nothing, and may run beside a server."
    )]
    Verify(Verify),
    /// Check configuration, secret, database and disk, and say what to do
    #[command(after_help = "Example:\n  neruba doctor")]
    Doctor(DatabaseArgs),
    /// Walk through the known-good sequence on a running server, step by step
    #[command(
        after_help = "Example:\n  echo 'strong-password' | neruba smoke --url http://127.0.0.1:8080 --email owner@example.com --password-stdin\n\nCreates a project of its own on that server; exit 0 only if every step passed."
    )]
    Smoke(Smoke),
    /// Keep a project's catalog in a file: metrics, plans, add-ons, coupons, taxes, custom assets
    Catalog(Catalog),
    /// Measure this machine: durable, deduplicated events, ratings and invoices per second, each against a baseline
    #[command(
        after_help = "Examples:\n  neruba bench\n  neruba bench --database postgres://neruba@localhost/bench --json"
    )]
    Bench(Bench),
    /// Kill a real server at random instants and compare what it acknowledged with what it kept
    #[command(
        after_help = "Example:\n  neruba crashtest --kills 100\n\nUses the same program as the server; exit 0 only if nothing was lost and nothing doubled."
    )]
    Crashtest(Crashtest),
    /// Look at the configuration
    Config(ConfigCommand),
    /// Print the OpenAPI document
    #[command(after_help = "Example:\n  neruba openapi > openapi.json")]
    Openapi,
    /// Write openapi.json and the generated reference pages into a source tree
    #[command(hide = true)]
    Reference {
        /// The root of the source tree
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct DatabaseArgs {
    /// `sqlite://path` or `postgres://user:password@host/name` [default: sqlite://data/neruba.db] [env: NERUBA_DATABASE_URL]
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// Configuration file [default: neruba.toml, if there] [env: NERUBA_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Address and port [default: 127.0.0.1:8080] [env: NERUBA_LISTEN]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Bring the schema up to date first, on PostgreSQL too
    #[arg(long)]
    pub migrate: bool,
}

#[derive(Debug, Args)]
pub struct Demo {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Address and port [default: 127.0.0.1:8080, or the next free port]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// End when the data is there, instead of serving until Ctrl-C
    #[arg(long)]
    pub exit: bool,
}

#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Admin {
    #[command(subcommand)]
    pub command: AdminCommand,
}

#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Create a user who can log in
    #[command(
        after_help = "Example:\n  echo 'a long password' | neruba admin create-user --email owner@example.com --name Owner --password-stdin\n\nThe password has at least 12 characters and comes by standard input, so that it appears in no list of processes."
    )]
    CreateUser(CreateUser),
}

#[derive(Debug, Args)]
pub struct CreateUser {
    /// The address the user logs in with
    #[arg(long)]
    pub email: String,
    /// How the user is called
    #[arg(long)]
    pub name: String,
    /// Read the password from standard input, up to the end of the line
    #[arg(long, required = true)]
    pub password_stdin: bool,
    /// Let the user run the installation (/admin/*); it gives access to no project
    #[arg(long)]
    pub platform_admin: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value = "text")]
    pub output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Text,
    Json,
}

#[derive(Debug, Args)]
pub struct Smoke {
    /// The server's address
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// An existing user
    #[arg(long)]
    pub email: String,
    /// Read the user's password from standard input, up to the end of the line
    #[arg(long, required = true)]
    pub password_stdin: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value = "text")]
    pub output: Output,
}

#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Catalog {
    #[command(subcommand)]
    pub command: CatalogCommand,
}

#[derive(Debug, Subcommand)]
pub enum CatalogCommand {
    /// Show what applying a file would change; exit 0 without a difference, 2 with one, 1 when the file is refused
    #[command(
        after_help = "Example:\n  echo 'strong-password' | neruba catalog plan catalog.yaml --project acme --email owner@example.com --password-stdin\n\nWrites nothing. Mistakes are shown as file:line: path, what is wrong and what to do."
    )]
    Plan(CatalogPlan),
    /// Make the catalog say what a file says: all of it, or nothing
    #[command(
        after_help = "Examples:\n  echo 'strong-password' | neruba catalog apply catalog.yaml --project acme --email owner@example.com --password-stdin\n  … neruba catalog apply catalog.yaml --drafts …     plans become drafts, to be published later\n\nWhat the file does not mention stays, unless --prune is given. Applying the same file again changes nothing. It asks no\nquestions: look with `neruba catalog plan` first, and pass its digest with --expected-digest to apply exactly that."
    )]
    Apply(CatalogApply),
    /// Write the catalog as YAML
    #[command(
        after_help = "Example:\n  echo 'strong-password' | neruba catalog export catalog.yaml --project acme --email owner@example.com --password-stdin\n\nThe same catalog gives the same bytes."
    )]
    Export(CatalogExport),
}

/// A project on a running server.
#[derive(Debug, Args)]
pub struct ProjectArgs {
    /// The server's address
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// The project's id (prj_…) or its externalKey
    #[arg(long)]
    pub project: String,
    /// A member of the project
    #[arg(long)]
    pub email: String,
    /// Read the user's password from standard input, up to the end of the line
    #[arg(long, required = true)]
    pub password_stdin: bool,
}

#[derive(Debug, Args)]
pub struct CatalogPlan {
    /// The catalog: YAML, or JSON if its name ends so
    pub file: PathBuf,
    #[command(flatten)]
    pub server: ProjectArgs,
    /// Archive plans and remove everything else that is not in the file; metrics stay
    #[arg(long)]
    pub prune: bool,
    /// How to print the difference
    #[arg(long, value_enum, default_value = "text")]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct CatalogApply {
    /// The catalog: YAML, or JSON if its name ends so
    pub file: PathBuf,
    #[command(flatten)]
    pub server: ProjectArgs,
    /// Archive plans and remove everything else that is not in the file; metrics stay
    #[arg(long)]
    pub prune: bool,
    /// Leave plans that say something new as drafts
    #[arg(long)]
    pub drafts: bool,
    /// Apply only to the catalog with this digest, as `neruba catalog plan --output json` told it
    #[arg(long, value_name = "DIGEST")]
    pub expected_digest: Option<String>,
    /// Why old usage is counted anew, where a changed metric goes beyond the project's limit
    #[arg(long, value_name = "CODE")]
    pub reason_code: Option<String>,
    /// The same in words
    #[arg(long, value_name = "TEXT", requires = "reason_code")]
    pub reason: Option<String>,
    /// How to print what changed
    #[arg(long, value_enum, default_value = "text")]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct CatalogExport {
    /// Where to write it [default: standard output]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub server: ProjectArgs,
}

#[derive(Debug, Args)]
pub struct Bench {
    /// The database to measure [default: a fresh SQLite file, removed afterwards]
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
    /// Rounds; ratios are medians of rounds
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Length of each scenario in each round, in milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 2_000)]
    pub scenario_millis: u64,
    /// Customers whose year of usage is rated; 0 leaves rating out
    #[arg(long, value_name = "CUSTOMERS", default_value_t = 10_000)]
    pub rating_customers: u64,
    /// Customers whose month is billed; 0 leaves billing runs out
    #[arg(long, value_name = "CUSTOMERS", default_value_t = 10_000)]
    pub billing_customers: u64,
    /// The folder whose disk is measured
    #[arg(long, value_name = "FOLDER", default_value = "data")]
    pub folder: PathBuf,
}

#[derive(Debug, Args)]
pub struct Crashtest {
    /// The database to kill the server on [default: a fresh SQLite file in the folder]
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// How often to kill
    #[arg(long, default_value_t = 100)]
    pub kills: usize,
    /// Repeats the same choices
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Threads that send requests
    #[arg(long, default_value_t = 6)]
    pub threads: usize,
    /// The server program [default: this one]
    #[arg(long, value_name = "FILE")]
    pub executable: Option<PathBuf>,
    /// Where the server's log goes, and the database if none is named
    #[arg(long, value_name = "FOLDER", default_value = "data")]
    pub folder: PathBuf,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct ConfigCommand {
    #[command(subcommand)]
    pub command: ConfigSubcommand,
}

#[derive(Debug, Subcommand)]
pub enum ConfigSubcommand {
    /// Print every setting that holds, and where it comes from; secrets are hidden
    #[command(after_help = "Examples:\n  neruba config show\n  NERUBA_ENV=production neruba config show --output json")]
    Show {
        #[command(flatten)]
        database: DatabaseArgs,
        /// How to print it
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
}

impl DatabaseArgs {
    pub fn flags(&self) -> Flags {
        Flags { config: self.config.clone(), database: self.database.clone(), listen: None }
    }
}

impl Serve {
    pub fn flags(&self) -> Flags {
        Flags { listen: self.listen.clone(), ..self.database.flags() }
    }
}
