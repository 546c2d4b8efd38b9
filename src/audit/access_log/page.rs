//! The access log as a page: plain HTML that a screen reader reads and a printer prints, without scripts.

use super::words::Language;
use super::{LogLine, Looked, Shown};

/// Writes the lines as one page.
#[must_use]
pub fn page(lines: &[LogLine], language: Language) -> String {
    let of = |dutch, english| language.of((dutch, english));
    let title = of("Wie heeft uw gegevens opgevraagd", "Who asked for your data");
    let heads = [
        of("Dag", "Day"),
        of("Tijd", "Time"),
        of("Wie", "Who"),
        of("Welke gegevens", "Which data"),
        of("Getoond", "Shown"),
        of("Waarvoor", "For what"),
        of("Grond", "Ground"),
        of("Noodprocedure gebruikt", "Emergency procedure used"),
    ];
    let heads: String = heads.iter().map(|head| format!("<th scope=\"col\">{}</th>", escaped(head))).collect();
    let rows: String = lines.iter().map(|line| row(line, language)).collect();
    let body = if lines.is_empty() {
        format!("<p>{}</p>", of("Er is niets opgevraagd.", "Nothing was asked for."))
    } else {
        let caption = of(
            "Elke regel is een opvraging, of gelijke opvragingen van een dag.",
            "Each line is a request, or equal requests of one day.",
        );
        format!("<table><caption>{caption}</caption><thead><tr>{heads}</tr></thead><tbody>\n{rows}</tbody></table>")
    };
    let tag = language.tag();
    format!(
        "<!DOCTYPE html>\n<html lang=\"{tag}\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head>\n<body><main><h1>{title}</h1>\n{body}</main></body></html>\n"
    )
}

const STYLE: &str = "body{font:1rem/1.5 sans-serif;margin:1.5rem;color:#000;background:#fff}\
    table{border-collapse:collapse;width:100%}caption{text-align:left;padding-bottom:.5rem}\
    th,td{border:1px solid #555;padding:.3rem .5rem;text-align:left;vertical-align:top}\
    @media print{body{margin:0;font-size:9pt}thead{display:table-header-group}tr{break-inside:avoid}}";

fn row(line: &LogLine, language: Language) -> String {
    let Looked { ura, organisation, role, person, kinds, shown, purpose, ground, policy, consents: _, emergency } =
        &line.access;
    let of = |dutch, english| language.of((dutch, english));
    let organisation = organisation.as_ref().map_or_else(|| format!("URA {ura}"), |name| format!("{name} (URA {ura})"));
    let role = match (role, person) {
        (Some(role), _) => language.role(role),
        (None, true) => of("medewerker", "employee").to_owned(),
        (None, false) => of("systeem", "system").to_owned(),
    };
    let time = if line.first == line.last { line.first.clone() } else { format!("{}–{}", line.first, line.last) };
    let times = if line.times > 1 { format!(" ({}×)", line.times) } else { String::new() };
    let kinds: Vec<String> = kinds.iter().map(|kind| language.kind(kind)).collect();
    let shown = match shown {
        Shown::Something => of("ja", "yes"),
        Shown::Number => of("alleen het aantal", "the number alone"),
        Shown::Nothing => of("nee", "no"),
        Shown::Unknown => of("niet bekend", "not known"),
    };
    let ground = ground.as_deref().map(|ground| language.ground(ground));
    let rule = policy.as_ref().map(|policy| format!("{} {policy}", of("regels:", "rules:")));
    let cells = [
        format!("{time}{times}"),
        format!("{organisation}, {role}"),
        kinds.join(", "),
        shown.to_owned(),
        purpose.as_deref().map(|purpose| language.purpose(purpose)).unwrap_or_default(),
        ground.into_iter().chain(rule).collect::<Vec<_>>().join("; "),
        if *emergency { of("ja", "yes") } else { of("nee", "no") }.to_owned(),
    ];
    let cells: String = cells.iter().map(|cell| format!("<td>{}</td>", escaped(cell))).collect();
    format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", escaped(&line.day))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}
