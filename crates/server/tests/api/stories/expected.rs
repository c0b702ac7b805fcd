//! What a story asks for, as the lines that its author compares.

use serde_json::Value;

use super::told::Story;
use crate::world::text;

/// What is found, line by line.
pub fn answer(story: &Story<'_>, question: &str) -> Vec<String> {
    let words: Vec<&str> = question.split(' ').collect();
    match words.as_slice() {
        ["invoices"] => invoices(story),
        ["invoice", number] => document(&story.get(&format!("/invoices/{}", story.invoice(number)))["document"]),
        ["late"] => late(story),
        ["upcoming", customer] => {
            let told = story.get(&format!("/billing/upcoming?customerKey={customer}"));
            document(&told["invoice"]["document"])
        }
        ["balance", customer, currency] => balance(story, customer, currency),
        _ => panic!("nobody can ask for `{question}`"),
    }
}

/// The issued ones in the order of their numbers.
fn invoices(story: &Story<'_>) -> Vec<String> {
    let page = story.get("/invoices?limit=200");
    let rows = page["data"].as_array().unwrap().iter().filter(|row| row["number"].is_string());
    let mut lines: Vec<String> = rows
        .map(|row| {
            let word = |name: &str| text(&row[name]);
            format!(
                "{} {} {} {} {} {}",
                word("number"),
                word("billsOn"),
                word("customerKey"),
                short(&row["due"]),
                word("currency"),
                word("state")
            )
        })
        .collect();
    lines.sort();
    lines
}

/// Its lines, then what they come to; what is nothing is left out.
fn document(document: &Value) -> Vec<String> {
    let mut lines: Vec<String> = document["lines"].as_array().unwrap().iter().map(line).collect();
    for tax in document["taxes"].as_array().unwrap() {
        lines.push(format!("tax {} % of {} {}", text(&tax["percent"]), short(&tax["base"]), short(&tax["tax"])));
    }
    let rounding = &document["rounding"]["amount"];
    for (name, value) in [
        ("discount", &document["discount"]),
        ("rounding", rounding),
        ("total", &document["total"]),
        ("prepaid", &document["prepaidApplied"]),
        ("balance", &document["balanceApplied"]),
        ("due", &document["amountDue"]),
    ] {
        let value = short(value);
        if name == "total" || name == "due" || value != "0" {
            lines.push(format!("{name} {value}"));
        }
    }
    lines
}

/// `price amount for 2026-04-01 .. 2026-05-01`, and which invoice it corrects.
fn line(line: &Value) -> String {
    let name = line["price"].as_str().or(line["name"].as_str()).unwrap();
    let part = &line["part"];
    let when =
        if part.is_object() { format!(" for {} .. {}", day(&part["start"]), day(&part["end"])) } else { String::new() };
    let of = line["customerKey"].as_str().map_or(String::new(), |customer| format!(" of {customer}"));
    let corrects = line["corrects"]["number"].as_str().map_or(String::new(), |number| format!(" corrects {number}"));
    format!("{name} {}{when}{of}{corrects}", short(&line["amount"]))
}

/// The oldest first.
fn late(story: &Story<'_>) -> Vec<String> {
    let page = story.get("/late-usage");
    let rows = page["data"].as_array().unwrap().iter();
    rows.map(|row| {
        let number = |id: &Value| id.as_str().map(|id| number_of(story, id));
        let settled = row["settledBy"].as_str().map_or(String::new(), |how| format!(" by {how}"));
        let on = number(&row["correctionId"]).map_or(String::new(), |number| format!(" on {number}"));
        let effect = if row["effect"].is_null() { String::new() } else { format!(" {}", short(&row["effect"])) };
        format!("{} {}{effect}{settled}{on}", number(&row["invoiceId"]).unwrap(), text(&row["state"]))
    })
    .collect()
}

fn number_of(story: &Story<'_>, id: &str) -> String {
    let invoice = story.get(&format!("/invoices/{id}"));
    invoice["number"].as_str().unwrap_or("a draft").to_owned()
}

fn balance(story: &Story<'_>, customer: &str, currency: &str) -> Vec<String> {
    let overview = story.get(&format!("/billing/overview?customerKey={customer}"));
    let wallets = overview["wallets"].as_array().unwrap();
    let own = wallets.iter().filter(|wallet| wallet["currency"] == currency);
    own.map(|wallet| format!("{} {currency}", short(&wallet["balance"]))).collect()
}

fn day(instant: &Value) -> String {
    let full = text(instant);
    match full.strip_suffix("T00:00:00.000Z") {
        Some(date) => date.to_owned(),
        None => full,
    }
}

/// An amount without the zeros at its end.
fn short(amount: &Value) -> String {
    let full = text(amount);
    match full.contains('.') {
        true => full.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => full,
    }
}
