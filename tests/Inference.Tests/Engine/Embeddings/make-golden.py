#!/usr/bin/env python3
"""Makes embeddings-golden.json: texts (token ids), and the vectors and scores that small random models must give for them.

Models and arithmetic are those of ../Architectures/make-golden.py: metadata, tensors whose values follow from their names, float64 and whole matrices. Here comes what
happens to the hidden states: mean, first or last position, length 1, a reranker's head. Needs numpy. Run it in this folder; the result is committed.
"""
import base64
import importlib.util
import json
import math
import pathlib

import numpy as np

spec = importlib.util.spec_from_file_location("golden", pathlib.Path(__file__).parent.parent / "Architectures" / "make-golden.py")
golden = importlib.util.module_from_spec(spec)
spec.loader.exec_module(golden)


def texts(count, seed, longest):
    random = np.random.default_rng(seed)
    return [[int(t) for t in random.integers(0, golden.VOCABULARY, random.integers(1, longest + 1))] for _ in range(count)]


def encoder(name, pooling, head=None):
    nomic = name.startswith("nomic")
    m = golden.Model(name, "nomic-bert" if nomic else "bert", kv=golden.HEADS, epsilon="attention.layer_norm_epsilon")
    m.key("attention.causal", "bool", False)
    if pooling is not None:
        m.key("pooling_type", "uint", pooling)
    m.add("token_embd.weight", golden.VOCABULARY, m.width, scale=1.0)
    m.add("token_types.weight", 2, m.width, scale=0.5)
    if not nomic:
        m.add("position_embd.weight", golden.CONTEXT, m.width, scale=0.5)
    m.norm("token_embd_norm", bias=True)
    for i in range(m.layers):
        b = f"blk.{i}"
        m.attention(b, bias=not nomic, output_bias=not nomic, fused=nomic)
        m.norm(f"{b}.attn_output_norm", bias=True)
        m.network(b, bias=not nomic, gate=nomic)
        m.norm(f"{b}.layer_output_norm", bias=True)
    if head == "dense":
        m.matrix("cls", m.width, m.width, bias=True)
    if head:
        m.matrix("cls.output", 1, m.width, bias=True)

    def hidden(text, second):
        types = np.array([1 if 0 <= second <= i else 0 for i in range(len(text))])
        x = m.w["token_embd.weight"][text] + m.w["token_types.weight"][types]
        if not nomic:
            x = x + m.w["position_embd.weight"][:len(text)]
        x = m.layer_norm("token_embd_norm", x)
        rope = golden.inverse(golden.DIM, 10000.0)
        for i in range(m.layers):
            b = f"blk.{i}"
            q, k, v = m.qkv(b, x)
            if nomic:
                q, k = golden.rotate(q, rope, False), golden.rotate(k, rope, False)
            x = m.layer_norm(f"{b}.attn_output_norm", x + m.attend(b, q, k, v, causal=False))
            y = m.swiglu(b, x) if nomic else m.linear(f"{b}.ffn_down", golden.gelu_erf(m.linear(f"{b}.ffn_up", x)))
            x = m.layer_norm(f"{b}.layer_output_norm", x + y)
        return x
    return m, hidden


def decoder(name, architecture, pooling, labels=0):
    m = golden.Model(name, architecture)
    if pooling is not None:
        m.key("pooling_type", "uint", pooling)
    heads = architecture == "qwen3"
    golden.plain_blocks(m, tied=True)
    if heads:
        for i in range(m.layers):
            m.norm(f"blk.{i}.attn_q_norm", m.dim)
            m.norm(f"blk.{i}.attn_k_norm", m.dim)
    if labels:
        m.matrix("cls.output", labels, m.width)

    def hidden(text, _):
        golden.tokens = lambda: text
        x = golden.llama_like(m, golden.inverse(golden.DIM, 10000.0), pairs=not heads, head_norms=heads)
        return m.rms("output_norm", x)
    return m, hidden


def pooled(x, how):
    return x.mean(0) if how == "mean" else x[0] if how == "cls" else x[-1]


def normalised(vector):
    return vector / math.sqrt((vector * vector).sum())


def score(m, vector):
    if "cls.weight" in m.w:
        vector = np.tanh(m.linear("cls", vector))
    out = m.linear("cls.output", vector)
    return golden.softmax(out)[0] if len(out) > 1 else 1 / (1 + math.exp(-out[0]))


def entry(model, how, inputs, ranks=False):
    m, hidden = model
    rows = []
    for text, second in inputs:
        vector = pooled(hidden(text, second), how)
        rows.append([score(m, vector)] if ranks else normalised(vector))
    rows = np.array(rows)
    assert np.isfinite(rows).all(), m.name
    print(f"{m.name}: {rows.shape[0]} texts, {rows.shape[1]} numbers each, from {rows.min():.3f} to {rows.max():.3f}")
    return {"name": m.name, "pooling": how, "ranks": ranks, "metadata": m.metadata, "tensors": m.tensors,
            "texts": [t for t, _ in inputs], "seconds": [s for _, s in inputs], "vectors": base64.b64encode(rows.astype("<f4").tobytes()).decode()}


def main():
    plain = [(t, -1) for t in texts(12, 1, 100)]
    pairs = [(t, len(t) // 2) for t in texts(8, 2, 60) if len(t) > 1]
    models = [
        entry(encoder("bert-cls", 2), "cls", plain),
        entry(encoder("bert-unsaid", None), "mean", plain),
        entry(encoder("nomic-mean", 1), "mean", plain),
        entry(encoder("bert-last", 3), "last", plain),
        entry(encoder("bert-ranker", 4, "single"), "cls", pairs, ranks=True),
        entry(encoder("bert-ranker-dense", None, "dense"), "cls", pairs, ranks=True),
        entry(decoder("qwen3-last", "qwen3", 3), "last", plain),
        entry(decoder("llama-unsaid", "llama", None), "last", plain),
        entry(decoder("llama-mean", "llama", 1), "mean", plain),
        entry(decoder("qwen3-ranker", "qwen3", 4, labels=2), "last", plain, ranks=True),
    ]
    with open("embeddings-golden.json", "w", encoding="utf-8") as file:
        file.write(json.dumps({"models": "@"}).replace('"@"', "[\n" + ",\n".join(map(json.dumps, models)) + "\n]") + "\n")


if __name__ == "__main__":
    main()
