//! Numbers and words as they are drawn.

/// A coordinate, to a tenth of a pixel.
pub(crate) fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// About how wide a text of 12 pixels is; rather too much than too little.
pub(crate) fn width(text: &str) -> f64 {
    let em = |letter: char| match letter {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '|' | '!' | '\'' | ' ' => 0.33,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '—' => 0.95,
        'A'..='Z' => 0.72,
        ..='\u{2fff}' => 0.6,
        _ => 1.0,
    };
    text.chars().map(em).sum::<f64>() * 12.0
}

/// A text that is at most `most` pixels wide, its end left out where it must be.
pub(crate) fn fitted(text: &str, most: f64) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut short = String::new();
    for letter in text.chars() {
        short.push(letter);
        if width(&short) + width("…") > most {
            short.pop();
            break;
        }
    }
    format!("{}…", short.trim_end())
}

/// `-12,345.25`: a number with so many decimals, in groups of three digits.
pub(crate) fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::new();
    if value < 0.0 && text.contains(|c: char| ('1'..='9').contains(&c)) {
        out.push('−');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !rest.is_empty() {
        out.push('.');
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let check = |value: f64, decimals: usize, text: &str| {
            assert_eq!(grouped(value, decimals), text);
        };
        check(0.0, 0, "0");
        check(-0.001, 1, "0.0");
        check(1_234_567.0, 0, "1,234,567");
        check(-1_234.56, 1, "−1,234.6");
        check(999.0, 2, "999.00");
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        assert_eq!(fitted("peer", 100.0), "peer");
        let short = fitted(&"a long name of a peer ".repeat(9), 100.0);
        assert!(short.ends_with('…') && width(&short) <= 100.0, "{short}");
        assert_eq!(fitted("peer", 0.0), "…");
    }
}
