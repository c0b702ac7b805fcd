//! What stands on the page, as texts.

use super::*;
use crate::samples::{NAMES, sample};
use domain::amount::Amount;

/// The page as lines of text, cells between bars.
fn page(name: &str) -> String {
    let view = View::of(&sample(name));
    let mut lines = vec![format!("{} {} | {} {}", view.title, view.number, view.headline.amount, view.headline.note)];
    for group in &view.groups {
        lines.extend(group.heading.iter().map(|heading| format!("# {heading}")));
        for row in &group.rows {
            let mark = if row.is_detail { "  " } else { "- " };
            let cells = [&row.text, &row.quantity, &row.units, &row.unit_price, &row.tax, &row.amount.text];
            lines.push(format!("{mark}{}", cells.map(String::as_str).join(" | ")));
            lines.extend(row.notes.iter().map(|note| format!("    {note}")));
        }
    }
    lines.extend(view.totals.iter().map(|total| format!("= {} | {}", total.label, total.amount.text)));
    lines.extend(view.notes);
    lines.join("\n").replace(['\u{a0}', '\u{202f}'], " ").replace('\u{2212}', "-")
}

#[test]
fn a_hybrid_invoice_shows_tiers_coupons_adjustments_and_every_rate() {
    insta::assert_snapshot!(page("hybrid"), @"
    Invoice INV-2026-000042 | £1,611.81 due 15 April 2026
    # Team · lark-main
    - Platform fee |  |  |  | 20% | 490.00
        1–30 April 2026
        Discount (spring-10): -49.00
    - API calls | 1,244,567 | calls |  | 20% | 934.999635
        1–31 March 2026
      Included | 10,000 |  |  |  | 0.00
      0 to 100,000 | 100,000 |  | 0.0012 |  | 120.00
      100,000 to 1,000,000 | 900,000 |  | 0.0008 |  | 720.00
      above 1,000,000 | 234,567 |  | 0.000405 |  | 94.999635
    - Priority support · Monthly fee |  |  |  | 20% | 120.00
        1–30 April 2026
    # Printed reports · lark-print
    - Pages | 1,832.5 | pages | 0.035 | 5% | 64.1375
        1–31 March 2026 · Usage of finch-office
    - Pages | -20 | pages | 0.035 | 5% | -0.70
        1–28 February 2026
        Adjustment of invoice INV-2026-000017
    = Subtotal | 1,608.437135
    = Discount | -49.00
    = VAT reduced 5% on 63.4375 | 3.17
    = VAT 20% on 1,495.999635 | 299.20
    = Rounding | 0.002865
    = Total | 1,861.81
    = Prepaid applied | -250.00
    = Amount due | £1,611.81
    ");
}

#[test]
fn a_german_invoice_shows_unused_time_and_other_items_in_german() {
    insta::assert_snapshot!(page("german"), @"
    Rechnung RE-2026-000042 | 1.730,31 € fällig am 15. April 2026
    # Team · tiefbau-1
    - Arbeitsplätze | 5 | Plätze | 24,00 |  | -58,064516
        Nicht genutzte Zeit · 17.–31. März 2026
    - Arbeitsplätze | 8 | Plätze | 24,00 |  | 92,903226
        17.–31. März 2026
    - Grundgebühr |  |  |  |  | 1.188,00
        1. April 2026 – 31. März 2027
        Rabatt (treue): -118,80
    # Weitere Posten
    - Einrichtung vor Ort |  |  |  |  | 350,00
    = Zwischensumme | 1.572,83871
    = Rabatt | -118,80
    = USt. 19 % auf 1.454,03871 | 276,27
    = Rundung | 0,00129
    = Gesamtbetrag | 1.730,31
    = Zu zahlen | 1.730,31 €
    Zahlbar ohne Abzug. Vielen Dank für Ihren Auftrag.
    ");
}

#[test]
fn a_credit_note_names_its_invoice() {
    insta::assert_snapshot!(page("credit-note"), @"
    Credit note CN-2026-000003 | €56.43 credited on invoice INV-2026-000031
    # Team · lumen-team
    - Platform fee |  |  |  |  | 47.42
        12–14 March 2026
    = Subtotal | 47.42
    = VAT 19% on 47.42 | 9.01
    = Total | 56.43
    = Amount credited | €56.43
    ");
}

#[test]
fn under_reverse_charge_the_law_is_cited_and_no_tax_is_shown() {
    insta::assert_snapshot!(page("reverse-charge"), @"
    Facture INV-2026-000042 | 1 640,00 € à payer au plus tard le 15 avril 2026
    # Équipe · lumen-team
    - Abonnement |  |  |  |  | 1 490,00
        1–30 avril 2026
    - Appels d’API | 125 000 | appels | 0,0012 |  | 150,00
        1–31 mars 2026
    = Sous-total | 1 640,00
    = Total | 1 640,00
    = Montant dû | 1 640,00 €
    Autoliquidation : la TVA est due par le preneur (article 196 de la directive 2006/112/CE). N° de TVA du preneur : FR40303265045.
    ");
}

#[test]
fn inclusive_tax_stands_below_the_total_and_yen_have_no_places() {
    insta::assert_snapshot!(page("yen"), @"
    Invoice INV-2026-000042 | ¥15,086 due April 15, 2026
    # スタンダード · osaka-1
    - 基本料金 |  |  |  |  | 12,000
        April 1–30, 2026
    - API呼び出し | 12,345 | 回 | 0.25 |  | 3,086.25
        March 1–31, 2026
    = Subtotal | 15,086.25
    = Rounding | -0.25
    = Total | 15,086
    = of which Consumption tax 10% on 13,715.25 | 1,371
    = Amount due | ¥15,086
    ");
}

#[test]
fn dinars_have_three_places_and_the_balance_is_taken_off() {
    insta::assert_snapshot!(page("dinar"), @"
    Invoice INV-2026-000042 | BHD 50.383 due 15 April 2026
    # Team · dilmun-1
    - Platform fee |  |  |  |  | 18.750
        1–30 April 2026
    - Messages | 4,213 | messages | 0.0075 |  | 31.5975
        1–31 March 2026
    = Subtotal | 50.3475
    = VAT 10% on 50.3475 | 5.035
    = Rounding | 0.0005
    = Total | 55.383
    = Customer balance applied | -5.000
    = Amount due | BHD 50.383
    ");
}

#[test]
fn figures_of_one_column_end_in_the_same_place() {
    for name in NAMES {
        let view = View::of(&sample(name));
        let rows = view.groups.iter().flat_map(|group| &group.rows).map(|row| &row.amount);
        let totals = view.totals.iter().filter(|total| total.weight != Weight::Due).map(|total| &total.amount);
        let ends = rows.chain(totals).map(|figure| {
            let whole = format!("{}{}", figure.text, figure.pad);
            whole.rsplit(['.', ',']).next().filter(|end| *end != whole).map(str::len)
        });
        let ends: Vec<Option<usize>> = ends.collect();
        assert!(ends.windows(2).all(|pair| pair[0] == pair[1]), "{name}: {ends:?}");
    }
}

#[test]
fn what_is_not_paid_is_due_and_what_is_paid_is_not() {
    let mut document = sample("plain");
    assert_eq!(View::of(&document).headline.note, "due April 15, 2026");
    document.balance_applied = document.total;
    document.amount_due = Amount::ZERO;
    let headline = View::of(&document).headline;
    assert_eq!((headline.amount.as_str(), headline.note.as_str()), ("$0.00", "no payment needed"));
}

#[test]
fn steps_that_do_not_come_to_the_amount_are_not_shown() {
    let details = |document: &Document| View::of(document).groups[0].rows.iter().filter(|row| row.is_detail).count();
    let mut document = sample("hybrid");
    assert_eq!(details(&document), 4);
    document.lines[1].amount = Amount::from_micros(1);
    assert_eq!(details(&document), 0);
}

#[test]
fn the_country_stands_only_in_letters_across_a_border() {
    let countries = |name: &str| {
        let view = View::of(&sample(name));
        [view.seller.lines, view.customer.lines].concat().iter().filter(|line| *line == "Allemagne").count()
    };
    assert_eq!((countries("reverse-charge"), countries("plain")), (1, 0));
    assert_eq!(View::of(&sample("plain")).seller.lines[2], "San Francisco, CA 94104");
    assert_eq!(View::of(&sample("german")).seller.lines[1], "20457 Hamburg");
}
