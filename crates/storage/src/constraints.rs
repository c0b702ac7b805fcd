//! Names of constraints on SQLite: a violated unique constraint is reported by its columns, and the schema's own text
//! says which name that is. Check constraints and triggers are reported by name already.

/// The name of the unique constraint or index over exactly these columns, among the texts of one table's schema.
pub(crate) fn name_of_unique(schema: &[String], columns: &[&str]) -> Option<String> {
    schema.iter().flat_map(|text| uniques(text)).find(|(_, found)| found == columns).map(|(name, _)| name)
}

/// The columns of SQLite's message `UNIQUE constraint failed: customers.project_id, customers.external_key`, with their
/// table.
pub(crate) fn failed_columns(message: &str) -> Option<(&str, Vec<&str>)> {
    let (_, list) = message.split_once("constraint failed: ")?;
    let mut table = None;
    let mut columns = Vec::new();
    for part in list.split(", ") {
        let (found, column) = part.split_once('.')?;
        table = Some(found);
        columns.push(column);
    }
    table.map(|table| (table, columns))
}

/// Every named unique constraint, primary key and unique index of a `create` statement.
fn uniques(text: &str) -> Vec<(String, Vec<String>)> {
    let words = words(text);
    let mut found = Vec::new();
    for (position, window) in words.windows(4).enumerate() {
        let window: Vec<&str> = window.iter().map(String::as_str).collect();
        let (name, list) = match window[..] {
            ["constraint", name, "unique", "("] => (name, position + 4),
            ["constraint", name, "primary", "key"] => (name, position + 5),
            ["unique", "index", name, "on"] => (name, position + 6),
            _ => continue,
        };
        found.push((name.to_owned(), columns_from(&words[list.min(words.len())..])));
    }
    found
}

/// The first word of each item up to the closing bracket: `project_id, name collate binary)` has two columns.
fn columns_from(words: &[String]) -> Vec<String> {
    let list = words.iter().take_while(|word| *word != ")");
    let items: Vec<&String> = list.collect();
    items.split(|word| *word == ",").filter_map(|item| item.first().map(|word| (*word).clone())).collect()
}

/// Lower-case words, with brackets and commas as words of their own; comments left out.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for line in text.lines() {
        let line = line.split("--").next().unwrap_or_default();
        let spaced = line.replace('(', " ( ").replace(')', " ) ").replace(',', " , ");
        words.extend(spaced.split_whitespace().map(str::to_lowercase));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "create table customers (
        project_id blob not null,
        id blob not null, -- constraint not_me unique (id)
        external_key text not null,
        constraint customers_pk primary key (project_id, id),
        constraint customers_external_key_unique unique (project_id, external_key)
    ) strict, without rowid";

    #[test]
    fn a_unique_constraint_is_found_by_its_columns() {
        let schema = [TABLE.to_owned()];
        let message = "UNIQUE constraint failed: customers.project_id, customers.external_key";
        let (table, columns) = failed_columns(message).unwrap();
        assert_eq!(table, "customers");
        let name = name_of_unique(&schema, &columns);
        assert_eq!(name.as_deref(), Some("customers_external_key_unique"));
        let primary = name_of_unique(&schema, &["project_id", "id"]);
        assert_eq!(primary.as_deref(), Some("customers_pk"));
        assert_eq!(name_of_unique(&schema, &["id"]), None);
    }

    #[test]
    fn a_unique_index_is_found_as_well() {
        let schema = [
            TABLE.to_owned(),
            "CREATE UNIQUE INDEX customers_self ON customers (project_id) where is_self = 1".to_owned(),
        ];
        let name = name_of_unique(&schema, &["project_id"]);
        assert_eq!(name.as_deref(), Some("customers_self"));
    }
}
