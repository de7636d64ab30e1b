"""Byte-level byte-pair tokenizer of jesus-nano: training, encoding, decoding.

The scheme is GPT-2's (tokenizer.ggml.model = "gpt2") with the word pattern that GGUF files call "qwen2"
(tokenizer.ggml.pre = "qwen2"):

    (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+

Python's `re` has no \\p classes, so they are written out below as ranges taken from `unicodedata`.
Merges never join a space or a sign to a letter: a word then has the same tokens after a space, a quote or a
bracket, which is what makes copying from a log line easy for a small model.
"""
import re
import sys
import unicodedata
from collections import Counter, defaultdict

CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]
END_OF_TEXT, IM_START, IM_END, TOOL_CALL, TOOL_CALL_END, TOOL_RESPONSE, TOOL_RESPONSE_END = range(len(CONTROL))

# Unicode White_Space, what \s means in the engine's pattern.
WHITE = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

# Runs of these signs may become one token: they are JSON's own seams, and never part of a copied word.
JSON_SIGNS = set('{}[]":,')
SIGN_RUNS = ["...", "--", "==", "://", "::", '\\"', "->", "](", "=\""]


def _ranges(letter):
    """The characters whose general category begins with `letter`, as the inside of a regex class."""
    parts, start = [], None
    for code in range(sys.maxunicode + 2):
        inside = code <= sys.maxunicode and unicodedata.category(chr(code))[0] == letter
        if inside and start is None:
            start = code
        elif not inside and start is not None:
            parts.append(re.escape(chr(start)) + "-" + re.escape(chr(code - 1)))
            start = None
    return "".join(parts)


def word_pattern(ascii_only=False):
    """The pattern above; the one for ASCII text says the same in short classes, which is faster."""
    letters, numbers = ("A-Za-z", "0-9") if ascii_only else (_ranges("L"), _ranges("N"))
    return re.compile(
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
        f"|[^\r\n{letters}{numbers}]?[{letters}]+"
        f"|[{numbers}]"
        f"| ?[^{WHITE}{letters}{numbers}]+[\r\n]*"
        f"|[{WHITE}]*[\r\n]+"
        f"|[{WHITE}]+(?![^{WHITE}])"
        f"|[{WHITE}]+")


def byte_symbols():
    """GPT-2's printable stand-in for each of the 256 bytes."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, extra = {b: chr(b) for b in kept}, 0
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(256 + extra)
            extra += 1
    return table


def _may_merge(left, right):
    """Letters with letters, JSON signs with JSON signs, and the few listed runs of signs; nothing else."""
    joined = left + right
    if joined.isascii() and joined.isalpha():
        return True
    if all(c in JSON_SIGNS for c in joined) and len(joined) <= 5:
        return True
    return any(joined in run for run in SIGN_RUNS)


class Tokenizer:
    """ids <-> text. `tokens` are GPT-2 byte symbols, `merges` are ranked pairs of them."""

    def __init__(self, tokens, merges):
        self.tokens, self.merges = tokens, merges
        self.id_of = {t: i for i, t in enumerate(tokens)}
        self._rank = {m: i for i, m in enumerate(merges)}
        self._symbol = byte_symbols()
        self._byte = {s: b for b, s in self._symbol.items()}
        self._pattern, self._ascii = word_pattern(), word_pattern(ascii_only=True)
        self._cache = {}
        self.bytes_of = [t.encode() if i < len(CONTROL) else bytes(self._byte[c] for c in t) for i, t in enumerate(tokens)]

    def encode(self, text):
        """Plain text to ids; control tokens are never recognised here, so text cannot forge them."""
        ids = []
        for word in (self._ascii if text.isascii() else self._pattern).findall(text):
            known = self._cache.get(word)
            if known is None:
                known = self._cache[word] = self._merge(word)
            ids += known
        return ids

    def decode_bytes(self, ids):
        return b"".join(self.bytes_of[i] for i in ids)

    def decode(self, ids):
        return self.decode_bytes(ids).decode("utf-8", "replace")

    def _merge(self, word):
        parts = [self._symbol[b] for b in word.encode()]
        while len(parts) > 1:
            ranked = [(self._rank.get(pair, 1 << 30), i) for i, pair in enumerate(zip(parts, parts[1:]))]
            rank, at = min(ranked)
            if rank == 1 << 30:
                break
            parts[at:at + 2] = [parts[at] + parts[at + 1]]
        return [self.id_of[p] for p in parts]


def train(texts, size):
    """Learns merges from an iterable of texts until the vocabulary (control tokens, bytes, merges) has `size` entries."""
    symbol, pattern = byte_symbols(), word_pattern()
    counts = Counter(word for text in texts for word in pattern.findall(text))
    words = [([symbol[b] for b in word.encode()], n) for word, n in counts.items()]
    pairs, where = Counter(), defaultdict(set)
    for index, (parts, n) in enumerate(words):
        for pair in zip(parts, parts[1:]):
            pairs[pair] += n
            where[pair].add(index)
    tokens, merges = CONTROL + [symbol[b] for b in range(256)], []
    known = set(tokens)
    while len(tokens) < size:
        allowed = ((n, pair) for pair, n in pairs.items() if n > 0 and _may_merge(*pair))
        count, best = max(allowed, default=(0, None))
        if best is None:
            raise ValueError(f"the corpus yields only {len(tokens)} tokens, {size} were asked for")
        merges.append(best)
        if best[0] + best[1] not in known:
            known.add(best[0] + best[1])
            tokens.append(best[0] + best[1])
        _apply(best, words, pairs, where)
    return Tokenizer(tokens, merges)


def _apply(best, words, pairs, where):
    joined = best[0] + best[1]
    for index in list(where[best]):
        parts, n = words[index]
        for pair in zip(parts, parts[1:]):
            pairs[pair] -= n
        at = 0
        while at < len(parts) - 1:
            if (parts[at], parts[at + 1]) == best:
                parts[at:at + 2] = [joined]
            at += 1
        for pair in zip(parts, parts[1:]):
            pairs[pair] += n
            where[pair].add(index)
    del pairs[best]
