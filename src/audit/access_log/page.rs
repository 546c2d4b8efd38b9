//! The access log as a page: plain HTML that a screen reader reads and a printer prints, without scripts.
//!
//! Made for WCAG 2.1 AA: a language, a title and one heading, a table with a caption and headings for columns and rows, which
//! can be scrolled with a keyboard where the screen is narrow, contrast of 7 to 1 and more, and nothing that is told by colour
//! alone. The policy of the page lets nothing in but its one style, by its hash.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::words::Language;
use super::{Days, LogLine, Looked, Shown};

/// A page to be written.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    lines: &'a [LogLine],
    language: Language,
    holder: Option<&'a str>,
    contact: Option<&'a str>,
    days: Option<Days>,
}

impl<'a> Page<'a> {
    /// Returns a page with these lines.
    #[must_use]
    pub fn of(lines: &'a [LogLine], language: Language) -> Self {
        Self { lines, language, holder: None, contact: None, days: None }
    }

    /// Says whose log it is, and whom a patient can turn to who thinks that a look was wrong.
    #[must_use]
    pub fn kept_by(self, holder: &'a str, contact: &'a str) -> Self {
        Self { holder: (!holder.is_empty()).then_some(holder), contact: Some(contact), ..self }
    }

    /// Says of which days it is.
    #[must_use]
    pub fn of_days(self, days: Days) -> Self {
        Self { days: Some(days), ..self }
    }

    /// Returns the policy that the page can be served with (CSP).
    #[must_use]
    pub fn policy() -> String {
        let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
        format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
    }

    /// Writes the page.
    #[must_use]
    pub fn to_html(&self) -> String {
        let (tag, policy) = (self.language.tag(), Self::policy());
        let title = self.of_words("Wie heeft uw gegevens opgevraagd", "Who asked for your data");
        let title_of = self.holder.map(|holder| format!(" – {}", escaped(holder))).unwrap_or_default();
        let (about, body, help) = (self.about(), self.body(), self.help());
        format!(
            "<!DOCTYPE html>\n<html lang=\"{tag}\"><head><meta charset=\"utf-8\">\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>{title}{title_of}</title><style>{STYLE}</style></head>\n\
             <body><main><h1>{title}</h1>\n{about}{body}{help}</main></body></html>\n"
        )
    }

    fn of_words(&self, dutch: &'static str, english: &'static str) -> &'static str {
        self.language.of((dutch, english))
    }

    fn about(&self) -> String {
        let holder = self.holder.map(|holder| format!("<strong>{}</strong>. ", escaped(holder))).unwrap_or_default();
        let days = self.days.map(|days| {
            let [first, last] = [days.first(), days.last()].map(|day| {
                let text = day.to_string();
                format!("<time datetime=\"{text}\">{}</time>", self.language.day(&text))
            });
            self.of_words("Van {} tot en met {}.", "From {} up to and including {}.")
                .replacen("{}", &first, 1)
                .replacen("{}", &last, 1)
        });
        let days = days.unwrap_or_default();
        if holder.is_empty() && days.is_empty() { String::new() } else { format!("<p>{holder}{days}</p>\n") }
    }

    fn body(&self) -> String {
        if self.lines.is_empty() {
            return format!("<p>{}</p>\n", self.of_words("Er is niets opgevraagd.", "Nothing was asked for."));
        }
        let caption = self.of_words(
            "Elke regel is een opvraging, of gelijke opvragingen van een dag. De tijd is die van Nederland.",
            "Each line is a request, or equal requests of one day. The time is that of the Netherlands.",
        );
        let heads = [
            self.of_words("Dag", "Day"),
            self.of_words("Tijd", "Time"),
            self.of_words("Wie", "Who"),
            self.of_words("Welke gegevens", "Which data"),
            self.of_words("Getoond", "Shown"),
            self.of_words("Waarvoor", "For what"),
            self.of_words("Grond", "Ground"),
            self.of_words("Noodprocedure gebruikt", "Emergency procedure used"),
        ];
        let columns: String = heads
            .iter()
            .map(|head| format!("<th scope=\"col\" role=\"columnheader\">{}</th>", escaped(head)))
            .collect();
        let [_, heads @ ..] = heads;
        let rows: String = self.lines.iter().map(|line| row(line, heads, self.language)).collect();
        // The roles say again what the elements are: where the screen is narrow their style makes other boxes of them. What
        // scrolls can be reached with a keyboard, and is called as the table is.
        format!(
            "<div role=\"region\" aria-labelledby=\"log\" tabindex=\"0\"><table role=\"table\">\
             <caption id=\"log\">{caption}</caption><thead role=\"rowgroup\"><tr role=\"row\">{columns}</tr></thead>\
             <tbody role=\"rowgroup\">\n{rows}</tbody></table></div>\n"
        )
    }

    /// What the words mean, and with whom a look that seems wrong can be taken up (P15).
    fn help(&self) -> String {
        let Some(contact) = self.contact else { return String::new() };
        let heading = self.of_words("Vragen over een opvraging", "Questions about a request");
        let meaning = self.of_words(
            "‘Getoond: nee’ betekent dat iemand gegevens opvroeg en niets te zien kreeg. ‘Noodprocedure gebruikt: ja’ \
             betekent dat gegevens in een noodgeval zonder uw toestemming zijn opgevraagd; dat wordt altijd nagekeken.",
            "‘Shown: no’ means that somebody asked for data and saw nothing. ‘Emergency procedure used: yes’ means that \
             data was asked for in an emergency without your consent; that is always reviewed.",
        );
        let turn = self.of_words(
            "Klopt een opvraging volgens u niet? Neem dan contact op met:",
            "Do you think that a request was not right? Then turn to:",
        );
        format!("<h2>{heading}</h2>\n<p>{meaning}</p>\n<p>{turn} {}</p>\n", escaped(contact))
    }
}

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;margin:0;color:#1a1a1a;background:#fff}\
    main{max-width:75rem;margin:0 auto;padding:1.5rem}h1{font-size:1.75rem;line-height:1.25;margin:0 0 .75rem}\
    h2{font-size:1.25rem;margin:1.5rem 0 .5rem}p{max-width:45rem;margin:.5rem 0}\
    [role=region]{overflow-x:auto;margin:1rem 0}[role=region]:focus-visible{outline:3px solid #003d7a;outline-offset:2px}\
    table{border-collapse:collapse;width:100%}caption{text-align:left;padding-bottom:.5rem}\
    th,td{border-bottom:1px solid #6b6b6b;padding:.5rem .75rem;text-align:left;vertical-align:top}\
    thead th{border-bottom:2px solid #1a1a1a;background:#f0f3f7}tbody th{font-weight:600;white-space:nowrap}\
    td.time{white-space:nowrap}td.emergency{font-weight:700;border-left:.3rem solid #8a1200;padding-left:.45rem}\
    td.who{min-width:13rem}td.kinds{min-width:14rem}small{display:block;font-size:.875rem;color:#404040}\
    @media screen and (max-width:48rem){main{padding:1rem}caption,table,tbody,tr,th,td{display:block}\
    thead{position:absolute;clip-path:inset(50%);height:1px;width:1px;overflow:clip;white-space:nowrap}\
    tr{border-bottom:2px solid #1a1a1a;padding:.75rem 0}tbody th{padding:0 0 .25rem;border:0}\
    td,td.emergency{border:0;padding:.125rem 0}td::before{content:attr(data-head)': ';font-weight:600}\
    td.emergency{border-left:.3rem solid #8a1200;padding-left:.5rem}small{display:inline}small::before{content:' '}}\
    @media print{@page{size:A4 landscape;margin:1.5cm}body{font-size:9pt}main{max-width:none;padding:0}\
    [role=region]{overflow:visible}thead{display:table-header-group}tr{break-inside:avoid}h2{break-after:avoid}}";

fn row(line: &LogLine, heads: [&str; 7], language: Language) -> String {
    let Looked { ura, organisation, role, person, kinds, shown, purpose, ground, policy, consents: _, emergency } =
        &line.access;
    let of = |dutch, english| language.of((dutch, english));
    let organisation = organisation.as_deref().map(|name| format!("{}, ", escaped(name))).unwrap_or_default();
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
    let small = |text: String| format!("<small>{}</small>", escaped(&text));
    let rule = policy.as_ref().map(|policy| small(format!("{} {policy}", of("regels:", "rules:")))).unwrap_or_default();
    let purpose = purpose.as_deref().map(|purpose| language.purpose(purpose)).unwrap_or_default();
    let cells = [
        ("time", escaped(&format!("{time}{times}"))),
        ("who", format!("{organisation}{}{}", escaped(&role), small(format!("URA {ura}")))),
        ("kinds", escaped(&kinds.join(", "))),
        ("", shown.to_owned()),
        ("", escaped(&purpose)),
        ("", format!("{}{rule}", escaped(&ground.unwrap_or_default()))),
        if *emergency { ("emergency", of("ja", "yes").to_owned()) } else { ("", of("nee", "no").to_owned()) },
    ];
    let cell = |(head, (class, cell)): (&str, &(&str, String))| {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        format!("<td role=\"cell\" data-head=\"{}\"{class}>{cell}</td>", escaped(head))
    };
    let cells: String = heads.into_iter().zip(&cells).map(cell).collect();
    let (day, said) = (escaped(&line.day), escaped(&language.day(&line.day)));
    format!(
        "<tr role=\"row\"><th scope=\"row\" role=\"rowheader\"><time datetime=\"{day}\">{said}</time></th>{cells}</tr>\n"
    )
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
