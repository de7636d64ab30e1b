"""Writes Decompositions.Table.cs: each character's canonical decomposition without its nonspacing marks (BERT's strip_accents), from Python's
unicodedata. Hangul syllables are left out: they follow a rule. Run it when Unicode gains letters that matter."""
import pathlib
import unicodedata

entries = []
for code in range(0x110000):
    char = chr(code)
    if 0xD800 <= code <= 0xDFFF or 0xAC00 <= code <= 0xD7A3:
        continue
    stripped = "".join(c for c in unicodedata.normalize("NFD", char) if unicodedata.category(c) != "Mn")
    if stripped != char and unicodedata.category(char) != "Mn":
        entries.append(char + stripped)


def escaped(text):
    return "".join(c if c.isascii() and c not in '"\\' else f"\\u{ord(c):04X}" if ord(c) < 0x10000 else f"\\U{ord(c):08X}" for c in text)


lines, line = [], ""
for entry in entries:
    part = escaped(entry) + " "
    if len(line) + len(part) > 150:
        lines.append(line)
        line = ""
    line += part
lines.append(line)
body = "\n        + ".join(f'"{line}"' for line in lines)
pathlib.Path(__file__).with_name("Decompositions.Table.cs").write_text(f"""namespace Jesus.Inference.Engine.Tokenizers;

/// <content>Written by make-decompositions.py from Unicode {unicodedata.unidata_version}.</content>
internal static partial class Decompositions
{{
    /// <summary>Entries with a space between: the character, then what is left of it.</summary>
    private const string Table =
        {body};
}}
""", encoding="utf-8")
