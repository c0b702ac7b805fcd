//! Settings as text, with where each came from. Reading them as numbers, addresses and switches names the origin of what is wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use toml::{Table, Value};

use super::Environment;
use super::table::{Default, SECRET, SETTINGS, Setting};

/// Where the file is looked for when nobody names one.
const FILE: &str = "neruba.toml";

/// Names the file in the environment; the only variable that is no setting.
const FILE_VARIABLE: &str = "NERUBA_CONFIG";

/// Variables of the test suite.
const TEST_PREFIX: &str = "NERUBA_TEST_";

/// What the command line says about the configuration.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    pub config: Option<PathBuf>,
    pub database: Option<String>,
    pub listen: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Flag(&'static str),
    Environment(&'static str),
    File,
    Default,
}

/// The effective text of every setting that has one.
#[derive(Debug)]
pub struct Values {
    pub file: Option<PathBuf>,
    known: BTreeMap<&'static str, (String, Origin)>,
}

impl Values {
    /// Everything that somebody said; defaults come later, because some depend on it.
    ///
    /// # Errors
    /// An unknown key, or a file that cannot be read.
    pub fn collect(flags: &Flags, environment: Vec<(String, String)>) -> Result<Values> {
        let named = environment.iter().find(|(name, _)| name == FILE_VARIABLE).map(|(_, path)| PathBuf::from(path));
        let file = match flags.config.clone().or(named) {
            Some(file) => Some(file),
            None => Path::new(FILE).exists().then(|| PathBuf::from(FILE)),
        };
        let mut values = Values { file, known: BTreeMap::new() };
        values.take_file()?;
        for (name, value) in environment {
            values.take_variable(&name, value)?;
        }
        let flags = [("databaseUrl", "--database", &flags.database), ("listen", "--listen", &flags.listen)];
        for (key, flag, value) in flags {
            if let Some(value) = value {
                values.known.insert(key, (value.clone(), Origin::Flag(flag)));
            }
        }
        // Needed to know the other defaults.
        values.known.entry("env").or_insert_with(|| ("development".to_owned(), Origin::Default));
        Ok(values)
    }

    fn take_file(&mut self) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let table: Table = text.parse().with_context(|| format!("{} is not TOML", file.display()))?;
        for (key, value) in table {
            let setting = SETTINGS.iter().find(|setting| setting.key == key && key != SECRET);
            let Some(setting) = setting else {
                bail!("{}: {key} is not a setting; `neruba config show` lists them", file.display());
            };
            let Some(text) = as_text(&value) else {
                bail!("{}: {key} is neither text nor number, switch or list", file.display());
            };
            self.known.insert(setting.key, (text, Origin::File));
        }
        Ok(())
    }

    fn take_variable(&mut self, name: &str, value: String) -> Result<()> {
        if name == FILE_VARIABLE || name.starts_with(TEST_PREFIX) {
            return Ok(());
        }
        let Some(setting) = SETTINGS.iter().find(|setting| setting.variable == name) else {
            bail!("the environment variable {name} is not a setting; `neruba config show` lists them");
        };
        self.known.insert(setting.key, (value, Origin::Environment(setting.variable)));
        Ok(())
    }

    pub fn fill_defaults(&mut self, environment: Environment) {
        for setting in SETTINGS {
            let value = match (&setting.default, environment) {
                (Default::Nothing, _) => continue,
                (Default::Always(value), _) => value,
                (Default::ByEnvironment { development, .. }, Environment::Development) => development,
                (Default::ByEnvironment { production, .. }, Environment::Production) => production,
            };
            self.known.entry(setting.key).or_insert_with(|| ((*value).to_owned(), Origin::Default));
        }
    }

    pub fn find(&self, key: &str) -> Option<&str> {
        self.known.get(key).map(|(value, _)| value.as_str())
    }

    /// The text of a setting that has a default.
    pub fn text(&self, key: &str) -> &str {
        self.find(key).unwrap_or_default()
    }

    /// Where a value stands, to begin a message with: `NERUBA_LISTEN` or `neruba.toml: listen`.
    pub fn origin_of(&self, key: &str) -> String {
        match self.known.get(key) {
            Some((_, Origin::File)) => format!("{}: {key}", self.file.as_deref().unwrap_or(Path::new(FILE)).display()),
            Some((_, origin)) => origin.to_string(),
            None => key.to_owned(),
        }
    }

    /// # Errors
    /// A text that is not what it should be.
    pub fn parsed<T: FromStr>(&self, key: &str, what: &str) -> Result<T> {
        let text = self.text(key);
        text.parse().ok().with_context(|| format!("{}: {text:?} is not {what}", self.origin_of(key)))
    }

    /// # Errors
    /// A text that is none of the choices.
    pub fn one_of<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Result<T> {
        let text = self.text(key);
        choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).with_context(|| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            format!("{}: {text:?} is not one of {}", self.origin_of(key), names.join(", "))
        })
    }

    /// # Errors
    /// A text that is neither `true` nor `false`.
    pub fn flag(&self, key: &str) -> Result<bool> {
        self.one_of(key, &[("true", true), ("false", false)])
    }

    pub fn list(&self, key: &str) -> impl Iterator<Item = &str> {
        self.text(key).split(',').map(str::trim).filter(|text| !text.is_empty())
    }

    /// Every setting with its value and its origin, in the order of the table.
    pub fn all(&self) -> impl Iterator<Item = (&'static Setting, Option<(&str, &Origin)>)> {
        SETTINGS
            .iter()
            .map(|setting| (setting, self.known.get(setting.key).map(|(value, origin)| (value.as_str(), origin))))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(name) | Origin::Environment(name) => out.write_str(name),
            Origin::File => out.write_str("file"),
            Origin::Default => out.write_str("default"),
        }
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(switch) => Some(switch.to_string()),
        Value::Array(items) => Some(items.iter().map(as_text).collect::<Option<Vec<_>>>()?.join(",")),
        Value::Float(_) | Value::Datetime(_) | Value::Table(_) => None,
    }
}
