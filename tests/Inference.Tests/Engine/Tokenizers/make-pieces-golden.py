"""Writes pieces-golden.txt: texts and how the published pre-tokenizer patterns cut them, by Python's `regex` module (whose \\p classes and \\s are
Unicode's). Sequences of patterns follow Hugging Face tokenizers' Split(isolated): each pattern cuts what the ones before left uncut; what no pattern
matches is a piece as it stands. Characters are limited to those that unicodedata knows, so that newer tables agree.

Each text is a line: its JSON string, then for each pattern the characters of each piece, in the order of PATTERNS. Run it after changing a pattern."""
import json
import pathlib
import random
import unicodedata

import regex

C = "'(?:[sS]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
UP, LOW = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
CASED = (
    "A-Za-z\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u01BA\u01BC-\u01BF\u01C4-\u0293\u0295-\u02AF\u0370-\u0373\u0376\u0377\u037B-\u037D\u037F\u0386"
    "\u0388-\u038A\u038C\u038E-\u03A1\u03A3-\u03F5\u03F7-\u0481\u048A-\u052F\u0531-\u0556\u10A0-\u10C5\u13A0-\u13F5\u13F8-\u13FD\u1C90-\u1CBA\u1CBD-\u1CBF"
    "\u1D00-\u1D2B\u1D6B-\u1D77\u1D79-\u1D9A\u1E00-\u1F15\u1F18-\u1F1D\u1F20-\u1F45\u1F48-\u1F4D\u1F50-\u1F57\u1F59\u1F5B\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4"
    "\u1FB6-\u1FBC\u1FBE\u1FC2-\u1FC4\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB\u1FE0-\u1FEC\u1FF2-\u1FF4\u1FF6-\u1FFC\u2102\u2107\u210A-\u2113\u2115"
    "\u2119-\u211D\u2124\u2126\u2128\u212A-\u212D\u212F-\u2134\u2139\u213C-\u213F\u2145-\u2149\u214E\u2183\u2184\u2C00-\u2C7B\u2C7E-\u2CE4\u2CEB-\u2CEE"
    "\u2CF2\u2CF3\uA640-\uA66D\uA680-\uA69B\uA722-\uA76F\uA771-\uA787\uA78B-\uA78E\uAB70-\uABBF\uFB00-\uFB06\uFB13-\uFB17\uFF21-\uFF3A\uFF41-\uFF5A"
    "\U00010400-\U0001044F\U000104B0-\U000104D3\U000104D8-\U000104FB\U00010C80-\U00010CB2\U00010CC0-\U00010CF2\U000118A0-\U000118DF\U0001E900-\U0001E943")


def qwen(numbers, letters=r"\p{L}", other=""):
    return rf"{C}|[^\r\n\p{{L}}\p{{N}}]?[{letters}]+|\p{{N}}{{1,{numbers}}}| ?[^\s\p{{L}}{other}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def gpt4o(numbers, c):
    lead = r"[^\r\n\p{L}\p{N}]?"
    return rf"{lead}{UP}*{LOW}+{c}|{lead}{UP}+{LOW}*{c}|\p{{N}}{{1,{numbers}}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"


PATTERNS = {
    "gpt-2": [GPT2],
    "default": [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"],
    "falcon": [r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"],
    "starcoder": [r"\p{N}", GPT2],
    "llama-bpe": [qwen(3)],
    "qwen2": [qwen(1)],
    "qwen35": [qwen(1, r"\p{L}\p{M}", r"\p{M}")],
    "gpt-4o": [gpt4o(3, f"(?:{C})?")],
    "tekken": [gpt4o(1, "")],
    "deepseek-llm": ["[\r\n]", rf"\s?[{CASED}]+", r"\s?[!-/:-~\uFF01-\uFF0F\uFF1A-\uFF5E\u2018-\u201F\u3000-\u3002]+", r"\s+\Z", "[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+", r"\p{N}+"],
    "deepseek-coder": ["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+", r"\p{N}"],
    "deepseek-v3": [r"\p{N}{1,3}", "[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+",
                    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"],
}

SNIPPETS = [" ", "  ", "   ", "\t", "\n", "\r\n", "\n\n ", "\u00a0", "\u2028", "\u0085", "\u3000", "'s", "'RE", "'ll", "'", "don't", "IT'S", "a", "Zß", "é", "e\u0301", "\u0301", "語", "中文",
            "カナ", "한국어", "हिन्दी", "ไทย", "العربية", "Ελληνικά", "Русский", "1", "23", "4567", " 12345", "²", "Ⅷ", "٣", "!", "...", "$", "+=", "<|x|>", "`", "/", "\\", "//\n",
            "\u200b", "\u200d", "_", "-", "x y", "camelCase", "HTTPServer", "\n!", "! \n", "，", "。", "「", "😀", "👩\u200d💻", "𝐀𝐁", "𝟏𝟐", "ǅ", "ʰ", "€5", "\u0000", "\x1f"]
REAL = ["def f(x):\n    return x**2  # square\n\n\nprint(f(12345))", "The quick brown fox's 3 jumps — over 1,234.56 dogs!\r\n\tI'LL see.", "Größe: 20 µm² (≈ 0,02 mm)…  „Zitat“",
        "これは日本語の文章です。カタカナとASCIIを2024年に混ぜる。", "여러분, 안녕하세요? 3월 1일입니다.", "Всё хорошо: 100500 рублей, т.е. №1!", "http://example.com/a?b=c&d=%20#e",
        "{\"key\": [1, 2.50, null], \"é\": \"\\u00e9\"}\n", "   leading and trailing   ", "x = {}\n\n\n    y\n \n", "नमस्ते दुनिया १२३", "สวัสดี 123 ครับ", "🤗🤗 emoji👨‍👩‍👧 12🙂3"]


def split(text, patterns):
    pieces = [text]
    for pattern in patterns:
        cut, matcher = [], regex.compile(pattern)
        for piece in pieces:
            at = 0
            for match in matcher.finditer(piece):
                if match.end() > match.start():
                    cut += [piece[at:match.start()], match.group()] if match.start() > at else [match.group()]
                    at = match.end()
            cut += [piece[at:]] if at < len(piece) else []
        pieces = cut
    return pieces


def random_char(dice):
    while True:
        code = dice.randrange(1, dice.choice([0x80, 0x250, 0x3100, 0xD800, 0x20000]))
        if not 0xD800 <= code <= 0xDFFF and unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs"):
            return chr(code)


def main():
    dice = random.Random(20240607)
    texts = REAL + ["".join(random_char(dice) if dice.random() < 0.3 else dice.choice(SNIPPETS) for _ in range(dice.randrange(1, 10))) for _ in range(1500)]
    lines = ["\t".join(PATTERNS)]
    for text in texts:
        cuts = [split(text, patterns) for patterns in PATTERNS.values()]
        assert all("".join(pieces) == text for pieces in cuts)
        lines.append("\t".join([json.dumps(text)] + [" ".join(str(len(piece)) for piece in pieces) for pieces in cuts]))
    pathlib.Path(__file__).with_name("pieces-golden.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


main()
