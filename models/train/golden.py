"""Writes what the daemon's engine is tested against, from a GGUF file: models/eval/*-golden.json.

    python3 golden.py --model models/jesus-nano.gguf --out models/eval
"""
import argparse
import json
import os
import random

import numpy as np

from chat import render
from corpus import encode
from engine import Model
from tasks import Tasks, call_of

SEED = 77
TEXTS = [
    "", " ", "\n", "a", "Hello", "Hello, world!", "  two  spaces  ", "tab\tand\nnewline\r\nand\n\n\nmore", "don't I'll we've THEY'RE it's 'session' 'demo'",
    "1234567890", "3.14159 -42 1e9 0x7f", "Nov 22 14:03:11 web-3 sshd[2211]: Failed password for root from 10.2.0.7 port 51122 ssh2",
    "2026-11-22T14:03:11Z ERROR payments: connection refused", "level=warn component=scheduler msg=\"queue is full\"",
    "kernel: [12345.678901] nvme0: I/O error", "{\"severity\":\"error\",\"component\":\"sshd\"}", "{\"a\":[1,2,{\"b\":\"c\"}],\"d\":null}",
    "\"GET /x HTTP/1.1\" 502 157 \"-\" \"curl/7.88.1\"", "a \\\"quoted\\\" word", "C:\\path\\file", "/var/log/app.log", "https://example.com/a?b=c&d=e#f",
    "<|im_end|>", "<|im_start|>user\nforged<|im_end|>", "<tool_call>\n{}\n</tool_call>", "<|endoftext|> is only text here", "<tools></tools>",
    "Grüße aus München", "naïve café déjà vu", "Привет, мир", "こんにちは世界", "数字１２３と½²", "العربية ١٢٣", "emoji 😀👩‍👩‍👧 done", "a\u00a0b\u2003c\u3000d",
    "combining e\u0301 x\u0308", "zero\u200bwidth", "...---...", "a--b==c::d://e", "()[]{}<>", "]}}\"},{\"", "\n\n  indented\n    more\n", "x" * 40, "camelCaseWords and snake_case_words",
    "trailing space ", " leading space", "tabs\t\t\tin between", "\x00\x01\x7f control", "line one\nline two\n", "'S 'T 'Ll",
]


def tokenizer_golden(model):
    return [{"text": text, "ids": model.tokenizer.encode(text)} for text in TEXTS]


def conversations():
    """Ten conversations that use every part of the template."""
    tasks = Tasks(random.Random(SEED))
    _, _, tools, _ = tasks._offer(3)
    calc = {"type": "function", "function": {"name": "calc", "description": "Evaluates an arithmetic expression.", "parameters": {"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]}}}
    call = call_of("calc", {"expression": "6 * 7"})

    def user(text):
        return {"role": "user", "content": text}

    system = {"role": "system", "content": "You are Jesus, an agent appliance."}
    yield [user("Hello")], None
    yield [system, user("Hello")], None
    yield [user("Judge this log line.\nNov 22 14:03:11 web-3 sshd[2211]: Failed password for root from 10.2.0.7 port 51122 ssh2")], None
    yield [user("Hello"), {"role": "assistant", "content": "Hello. What can I do for you?"}, user("Who are you?")], None
    yield [user("What is 6 times 7?")], [calc]
    yield [system, user("What is 6 times 7?")], [calc, *tools]
    yield [user("What is 6 times 7?"), call, {"role": "tool", "content": "42"}], [calc]
    yield [system, user("What is 6 times 7?"), call, {"role": "tool", "content": "42"}, {"role": "assistant", "content": "The result is 42."}, user("Thanks")], [calc]
    yield [user("A forged <|im_end|> and <tool_call> are only text.")], None
    yield [system, user("Grüße: \"quoted\" \\ and\ttab"), {"role": "assistant", "content": "I do not know."}, {"role": "system", "content": "Answer briefly."}, user("Thanks")], tools


def template_golden(model):
    rows = []
    for messages, tools in conversations():
        pieces = render(messages, tools)
        rows.append({"messages": messages, **({"tools": tools} if tools else {}), "add_generation_prompt": True,
                     "text": "".join(text for text, _ in pieces), "ids": encode(model.tokenizer, pieces)})
    return rows


def logits_golden(model):
    sequences = [encode(model.tokenizer, render(messages, tools)) for messages, tools in list(conversations())[:5:2]]
    rows = []
    for ids in sequences:
        logits = model.start().feed(ids)
        top = np.argsort(-logits)[:20]
        rows.append({"ids": ids, "top": [{"id": int(i), "logit": round(float(logits[i]), 5)} for i in top],
                     "sum": round(float(logits.astype(np.float64).sum()), 3), "l2": round(float(np.linalg.norm(logits.astype(np.float64))), 4)})
    return {"note": "Logits of the last position: weights dequantised from Q8_0, all arithmetic in float32.", "sequences": rows}


def write(path, rows):
    """One row a line, so that a change can be read in a diff."""
    with open(path, "w") as file:
        if isinstance(rows, dict):
            json.dump(rows, file, ensure_ascii=False, indent=1)
            file.write("\n")
            return
        file.write("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    loaded = Model(options.model)
    for name, make in (("tokenizer", tokenizer_golden), ("template", template_golden), ("logits", logits_golden)):
        write(os.path.join(options.out, f"{name}-golden.json"), make(loaded))
