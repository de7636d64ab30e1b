#!/usr/bin/env python3
"""Makes golden.json: small random models of every architecture, and the logits (encoders: hidden states) that they must give.

Written from the papers and model cards, in float64 and with whole matrices, sharing nothing with the engine. A model is metadata and a list of tensors;
the values of a tensor follow from its name by a counter (splitmix64), here and in the test that writes the file, so no weights are committed.
Needs numpy. Run it in this folder; golden.json is committed.
"""
import base64
import json
import math

import numpy as np

VOCABULARY, WIDTH, HEADS, KV, DIM, FFN, LAYERS, CONTEXT = 96, 64, 4, 2, 16, 96, 2, 128
LENGTH = 24
ROWS = [0, 1, 7, 23]


def values(seed_text, count, centre, scale):
    seed = np.uint64(0xCBF29CE484222325)
    with np.errstate(over="ignore"):
        for byte in seed_text.encode():
            seed = (seed ^ np.uint64(byte)) * np.uint64(0x100000001B3)
        z = seed + (np.arange(count, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    unit = (z >> np.uint64(40)).astype(np.float64) / 8388608.0 - 1.0
    return (centre + unit * scale).astype(np.float32)


class Model:
    """Metadata and tensors under the names of GGUF files; dimensions there are fastest first, arrays here slowest first."""

    def __init__(self, name, architecture, layers=LAYERS, width=WIDTH, heads=HEADS, kv=KV, dim=DIM, ffn=FFN, epsilon="attention.layer_norm_rms_epsilon"):
        self.name, self.architecture = name, architecture
        self.layers, self.width, self.heads, self.kv, self.dim, self.ffn = layers, width, heads, kv, dim, ffn
        self.eps = float(np.float32(1e-5))
        self.metadata, self.tensors, self.w = [["general.architecture", "string", architecture]], [], {}
        for key, value in [("block_count", layers), ("embedding_length", width), ("attention.head_count", heads), ("context_length", CONTEXT)]:
            self.key(key, "uint", value)
        if kv != heads:
            self.key("attention.head_count_kv", "uint", kv)
        if dim != width // heads:
            self.key("attention.key_length", "uint", dim)
            self.key("attention.value_length", "uint", dim)
        if ffn:
            self.key("feed_forward_length", "uint", ffn)
        self.key(epsilon, "float", 1e-5)

    def key(self, name, kind, value):
        self.metadata.append([f"{self.architecture}.{name}", kind, value])

    def add(self, name, *shape, centre=0.0, scale=None):
        scale = 1.5 / math.sqrt(shape[-1]) if scale is None else scale
        self.tensors.append([name, list(reversed(shape)), centre, scale])
        self.w[name] = values(f"{self.name}/{name}", math.prod(shape), centre, scale).astype(np.float64).reshape(shape)

    def norm(self, name, size=None, bias=False):
        self.add(f"{name}.weight", size or self.width, centre=1.0, scale=0.3)
        if bias:
            self.add(f"{name}.bias", size or self.width, scale=0.2)

    def ends(self, tied=False, embedding=1.0):
        self.add("token_embd.weight", VOCABULARY, self.width, scale=embedding)
        self.norm("output_norm")
        if not tied:
            self.add("output.weight", VOCABULARY, self.width)

    def matrix(self, name, rows, columns, bias=False):
        self.add(f"{name}.weight", rows, columns)
        if bias:
            self.add(f"{name}.bias", rows, scale=0.3)

    def attention(self, b, bias=False, output_bias=False, fused=False, fused_bias=False):
        q, k = self.heads * self.dim, self.kv * self.dim
        if fused:
            self.matrix(f"{b}.attn_qkv", q + 2 * k, self.width, fused_bias)
        else:
            for part, rows in (("q", q), ("k", k), ("v", k)):
                self.matrix(f"{b}.attn_{part}", rows, self.width, bias)
        self.matrix(f"{b}.attn_output", self.width, q, output_bias)

    def network(self, b, bias=False, gate=True):
        for part in ("gate", "up") if gate else ("up",):
            self.matrix(f"{b}.ffn_{part}", self.ffn, self.width, bias)
        self.matrix(f"{b}.ffn_down", self.width, self.ffn, bias)

    def experts(self, b, count, ffn, split=False, bias=False):
        self.matrix(f"{b}.ffn_gate_inp", count, self.width, bias)
        for part, rows, columns in (("gate", ffn, self.width), ("up", ffn, self.width), ("down", self.width, ffn)):
            if split:
                for e in range(count):
                    self.add(f"{b}.ffn_{part}.{e}.weight", rows, columns)
            else:
                self.add(f"{b}.ffn_{part}_exps.weight", count, rows, columns)
                if bias:
                    self.add(f"{b}.ffn_{part}_exps.bias", count, rows, scale=0.3)

    # What follows computes.

    def linear(self, name, x):
        y = x @ self.w[f"{name}.weight"].T
        return y + self.w[f"{name}.bias"] if f"{name}.bias" in self.w else y

    def rms(self, name, x):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.eps) * self.w[f"{name}.weight"]

    def layer_norm(self, name, x):
        x = x - x.mean(-1, keepdims=True)
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.eps) * self.w[f"{name}.weight"] + self.w[f"{name}.bias"]

    def qkv(self, b, x):
        q, k = self.heads * self.dim, self.kv * self.dim
        if f"{b}.attn_qkv.weight" in self.w:
            y = self.linear(f"{b}.attn_qkv", x)
            parts = y[:, :q], y[:, q:q + k], y[:, q + k:]
        else:
            parts = [self.linear(f"{b}.attn_{p}", x) for p in "qkv"]
        return [p.reshape(len(x), -1, self.dim) for p in parts]

    def attend(self, b, q, k, v, scale=None, window=0, cap=0.0, sinks=None, causal=True):
        n = len(q)
        k, v = (np.repeat(t, self.heads // self.kv, axis=1) for t in (k, v))
        scores = np.einsum("qhd,khd->hqk", q, k) * (1 / math.sqrt(self.dim) if scale is None else scale)
        if cap:
            scores = cap * np.tanh(scores / cap)
        row, column = np.arange(n)[:, None], np.arange(n)[None, :]
        seen = column <= row if causal else np.ones((n, n), bool)
        if window:
            seen = seen & (column > row - window)
        scores = np.where(seen, scores, -np.inf)
        if sinks is not None:
            scores = np.concatenate([scores, np.broadcast_to(sinks[:, None, None], (self.heads, n, 1))], axis=2)
        p = np.exp(scores - scores.max(-1, keepdims=True))
        p = (p / p.sum(-1, keepdims=True))[:, :, :n]
        return self.linear(f"{b}.attn_output", np.einsum("hqk,khd->qhd", p, v).reshape(n, -1))

    def swiglu(self, b, x, suffix=""):
        return (silu(x @ self.w[f"{b}.ffn_gate{suffix}.weight"].T) * (x @ self.w[f"{b}.ffn_up{suffix}.weight"].T)) @ self.w[f"{b}.ffn_down{suffix}.weight"].T

    def expert(self, b, part, e):
        split = f"{b}.ffn_{part}.{e}.weight"
        return self.w[split] if split in self.w else self.w[f"{b}.ffn_{part}_exps.weight"][e]

    def mixture(self, b, x, used, normalise):
        probabilities = softmax(self.linear(f"{b}.ffn_gate_inp", x))
        out = np.zeros_like(x)
        for t in range(len(x)):
            chosen = np.argsort(-probabilities[t], kind="stable")[:used]
            weights = probabilities[t][chosen]
            for e, weight in zip(chosen, weights / weights.sum() if normalise else weights):
                inner = silu(self.expert(b, "gate", e) @ x[t]) * (self.expert(b, "up", e) @ x[t])
                out[t] += weight * (self.expert(b, "down", e) @ inner)
        return out

    def logits(self, x):
        x = self.rms("output_norm", x)
        return x @ self.w["output.weight" if "output.weight" in self.w else "token_embd.weight"].T


def silu(x):
    return x / (1 + np.exp(-x))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))


def gelu_erf(x):
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def inverse(dims, base):
    return base ** (-np.arange(0, dims, 2) / dims)


def rotate(x, frequencies, pairs, factor=1.0):
    """pairs: neighbours turn together (the order of Llama's checkpoints); otherwise the halves do (Transformers')."""
    angle = np.arange(len(x))[:, None, None] * np.asarray(frequencies)
    cos, sin = np.cos(angle) * factor, np.sin(angle) * factor
    n = len(frequencies)
    out = x.copy()
    a, b = (x[..., 0:2 * n:2], x[..., 1:2 * n:2]) if pairs else (x[..., :n], x[..., n:2 * n])
    first, second = a * cos - b * sin, a * sin + b * cos
    if pairs:
        out[..., 0:2 * n:2], out[..., 1:2 * n:2] = first, second
    else:
        out[..., :n], out[..., n:2 * n] = first, second
    return out


def yarn(dims, base, factor, original, fast=32.0, slow=1.0, truncate=True):
    """Section 3.2 and 3.4 of https://arxiv.org/abs/2309.00071."""
    def pair(turns):
        return dims * math.log(original / (turns * 2 * math.pi)) / (2 * math.log(base))
    low, high = pair(fast), pair(slow)
    if truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dims - 1)
    ramp = np.clip((np.arange(dims // 2) - low) / max(high - low, 0.001), 0, 1)
    plain = inverse(dims, base)
    return plain / factor * ramp + plain * (1 - ramp), 0.1 * math.log(factor) + 1


def tokens():
    return [(i * 37 + 11) % VOCABULARY for i in range(LENGTH)]


def llama_like(m, rope, pairs=True, factor=1.0, window=0, mixture=None, embedding=1.0, residual=1.0, scale=None, head_norms=False):
    """One pre-norm block after another; returns the last residual."""
    x = m.w["token_embd.weight"][tokens()] * embedding
    for i in range(m.layers):
        b = f"blk.{i}"
        q, k, v = m.qkv(b, m.rms(f"{b}.attn_norm", x))
        if head_norms:
            q, k = m.rms(f"{b}.attn_q_norm", q), m.rms(f"{b}.attn_k_norm", k)
        if rope is not None:
            q, k = rotate(q, rope, pairs, factor), rotate(k, rope, pairs, factor)
        x = x + residual * m.attend(b, q, k, v, scale, window)
        y = m.rms(f"{b}.ffn_norm", x)
        x = x + residual * (mixture(b, y) if mixture else m.swiglu(b, y))
    return x


def plain_blocks(m, tied=False, experts=None, **attention):
    m.ends(tied)
    for i in range(m.layers):
        b = f"blk.{i}"
        m.norm(f"{b}.attn_norm")
        m.attention(b, **attention)
        m.norm(f"{b}.ffn_norm")
        if experts:
            experts(b)
        else:
            m.network(b)


def llama(name, keys=(), rope=None, factor=1.0, factors=None, tied=False, window=0, architecture="llama", **sizes):
    m = Model(name, architecture, **sizes)
    for key, kind, value in keys:
        m.key(key, kind, value)
    plain_blocks(m, tied)
    base = inverse(m.dim, 10000.0) if rope is None else rope
    if factors:
        m.add("rope_freqs.weight", m.dim // 2, centre=3.0, scale=2.0)
        base = base / m.w["rope_freqs.weight"]
    return m, m.logits(llama_like(m, base, factor=factor, window=window))


def mixtral(name, split):
    m = Model(name, "llama")
    m.key("expert_count", "uint", 4)
    m.key("expert_used_count", "uint", 2)
    plain_blocks(m, experts=lambda b: m.experts(b, 4, m.ffn, split))
    return m, m.logits(llama_like(m, inverse(DIM, 10000.0), mixture=lambda b, x: m.mixture(b, x, 2, True)))


def mistral3():
    m = Model("mistral3", "mistral3", dim=32)
    for key, kind, value in [("rope.freq_base", "float", 1000000.0), ("rope.scaling.type", "string", "yarn"), ("rope.scaling.factor", "float", 8.0),
                             ("rope.scaling.original_context_length", "uint", 64), ("rope.scaling.yarn_log_multiplier", "float", 1.0),
                             ("attention.temperature_scale", "float", 0.1)]:
        m.key(key, kind, value)
    plain_blocks(m)
    # mscale and mscale_all_dim are both 1, so that their quotient is too.
    return m, m.logits(llama_like(m, yarn(32, 1000000.0, 8.0, 64)[0]))


def qwen2():
    m = Model("qwen2", "qwen2")
    m.key("rope.freq_base", "float", 1000000.0)
    plain_blocks(m, tied=True, bias=True)
    return m, m.logits(llama_like(m, inverse(DIM, 1000000.0), pairs=False))


def qwen2moe():
    m = Model("qwen2moe", "qwen2moe")
    for key, value in [("expert_count", 6), ("expert_used_count", 3), ("expert_feed_forward_length", 32), ("expert_shared_feed_forward_length", 64)]:
        m.key(key, "uint", value)

    def build(b):
        m.experts(b, 6, 32)
        for part, rows, columns in (("gate", 64, m.width), ("up", 64, m.width), ("down", m.width, 64)):
            m.add(f"{b}.ffn_{part}_shexp.weight", rows, columns)
        m.add(f"{b}.ffn_gate_inp_shexp.weight", m.width)

    def mixture(b, x):
        gate = 1 / (1 + np.exp(-(x @ m.w[f"{b}.ffn_gate_inp_shexp.weight"])))
        return m.mixture(b, x, 3, False) + gate[:, None] * m.swiglu(b, x, "_shexp")
    plain_blocks(m, experts=build, bias=True)
    return m, m.logits(llama_like(m, inverse(DIM, 10000.0), pairs=False, mixture=mixture))


def qwen3(experts):
    m = Model("qwen3moe" if experts else "qwen3", "qwen3moe" if experts else "qwen3", dim=32)
    m.key("rope.freq_base", "float", 1000000.0)
    if experts:
        for key, value in [("expert_count", 8), ("expert_used_count", 3), ("expert_feed_forward_length", 32)]:
            m.key(key, "uint", value)
    plain_blocks(m, tied=not experts, experts=(lambda b: m.experts(b, 8, 32)) if experts else None)
    for i in range(m.layers):
        m.norm(f"blk.{i}.attn_q_norm", m.dim)
        m.norm(f"blk.{i}.attn_k_norm", m.dim)
    return m, m.logits(llama_like(m, inverse(32, 1000000.0), pairs=False, head_norms=True, mixture=(lambda b, x: m.mixture(b, x, 3, True)) if experts else None))


def gemma(version):
    m = Model(f"gemma{version}", f"gemma{version}", layers=3 if version == 2 else 7, dim=32)
    m.key("attention.sliding_window", "uint", 6)
    cap, final = (50.0, 30.0) if version == 2 else (0.0, 0.0)
    if version == 2:
        m.key("attn_logit_softcapping", "float", cap)
        m.key("final_logit_softcapping", "float", final)
    else:
        m.key("rope.freq_base", "float", 1000000.0)
        m.key("rope.scaling.type", "string", "linear")
        m.key("rope.scaling.factor", "float", 8.0)
    m.ends(tied=True, embedding=0.125)
    for i in range(m.layers):
        b = f"blk.{i}"
        m.norm(f"{b}.attn_norm")
        m.attention(b)
        if version == 3:
            m.norm(f"{b}.attn_q_norm", m.dim)
            m.norm(f"{b}.attn_k_norm", m.dim)
        m.norm(f"{b}.post_attention_norm")
        m.norm(f"{b}.ffn_norm")
        m.network(b)
        m.norm(f"{b}.post_ffw_norm")
    x = m.w["token_embd.weight"][tokens()] * math.sqrt(m.width)
    for i in range(m.layers):
        b, local = f"blk.{i}", i % 2 == 0 if version == 2 else i % 6 != 5
        q, k, v = m.qkv(b, m.rms(f"{b}.attn_norm", x))
        rope = inverse(32, 10000.0) if version == 2 or local else inverse(32, 1000000.0) / 8
        if version == 3:
            q, k = m.rms(f"{b}.attn_q_norm", q), m.rms(f"{b}.attn_k_norm", k)
        q, k = rotate(q, rope, False), rotate(k, rope, False)
        x = x + m.rms(f"{b}.post_attention_norm", m.attend(b, q, k, v, window=6 if local else 0, cap=cap))
        y = m.rms(f"{b}.ffn_norm", x)
        y = (gelu_tanh(m.linear(f"{b}.ffn_gate", y)) * m.linear(f"{b}.ffn_up", y)) @ m.w[f"{b}.ffn_down.weight"].T
        x = x + m.rms(f"{b}.post_ffw_norm", y)
    logits = m.logits(x)
    return m, final * np.tanh(logits / final) if final else logits


def phi3(name, original, dims, attention):
    """Long factors where the context of 128 exceeds the original one."""
    m = Model(name, "phi3")
    m.key("rope.dimension_count", "uint", dims)
    m.key("rope.scaling.original_context_length", "uint", original)
    m.key("attention.sliding_window", "uint", 9)
    if attention:
        m.key("rope.scaling.attn_factor", "float", attention)
    m.ends()
    m.add("rope_factors_long.weight", dims // 2, centre=8.0, scale=6.0)
    m.add("rope_factors_short.weight", dims // 2, centre=1.2, scale=0.2)
    for i in range(m.layers):
        b = f"blk.{i}"
        m.norm(f"{b}.attn_norm")
        m.attention(b, fused=True)
        m.norm(f"{b}.ffn_norm")
        m.matrix(f"{b}.ffn_up", 2 * m.ffn, m.width)
        m.matrix(f"{b}.ffn_down", m.width, m.ffn)
    far = CONTEXT > original
    rope = inverse(dims, 10000.0) / m.w[f"rope_factors_{'long' if far else 'short'}.weight"]
    factor = float(np.float32(attention)) if attention else math.sqrt(1 + math.log(CONTEXT / original) / math.log(original)) if far else 1.0

    def network(b, x):
        y = m.linear(f"{b}.ffn_up", x)
        return m.linear(f"{b}.ffn_down", silu(y[:, :m.ffn]) * y[:, m.ffn:])
    return m, m.logits(llama_like(m, rope, pairs=False, factor=factor, window=9, mixture=network))


def gpt_oss():
    m = Model("gpt-oss", "gpt-oss", layers=3, dim=32, ffn=0)
    for key, value in [("expert_count", 4), ("expert_used_count", 2), ("expert_feed_forward_length", 32), ("attention.sliding_window", 5),
                       ("rope.scaling.original_context_length", 64)]:
        m.key(key, "uint", value)
    m.key("rope.freq_base", "float", 150000.0)
    m.key("rope.scaling.type", "string", "yarn")
    m.key("rope.scaling.factor", "float", 32.0)
    m.ends()
    for i in range(m.layers):
        b = f"blk.{i}"
        m.norm(f"{b}.attn_norm")
        m.attention(b, bias=True, output_bias=True)
        m.add(f"{b}.attn_sinks.weight", m.heads, scale=2.0)
        m.norm(f"{b}.post_attention_norm")
        m.experts(b, 4, 32, bias=True)
    rope, factor = yarn(32, 150000.0, 32.0, 64, truncate=False)
    x = m.w["token_embd.weight"][tokens()]
    for i in range(m.layers):
        b = f"blk.{i}"
        q, k, v = m.qkv(b, m.rms(f"{b}.attn_norm", x))
        q, k = rotate(q, rope, False, factor), rotate(k, rope, False, factor)
        x = x + m.attend(b, q, k, v, window=5 if i % 2 == 0 else 0, sinks=m.w[f"{b}.attn_sinks.weight"])
        y = m.rms(f"{b}.post_attention_norm", x)
        scores = m.linear(f"{b}.ffn_gate_inp", y)
        for t in range(len(x)):
            chosen = np.argsort(-scores[t], kind="stable")[:2]
            for e, weight in zip(chosen, softmax(scores[t][chosen])):
                gate = m.w[f"{b}.ffn_gate_exps.weight"][e] @ y[t] + m.w[f"{b}.ffn_gate_exps.bias"][e]
                up = m.w[f"{b}.ffn_up_exps.weight"][e] @ y[t] + m.w[f"{b}.ffn_up_exps.bias"][e]
                gate, up = np.minimum(gate, 7.0), np.clip(up, -7.0, 7.0)
                inner = gate / (1 + np.exp(-1.702 * gate)) * (up + 1)
                x[t] = x[t] + weight * (m.w[f"{b}.ffn_down_exps.weight"][e] @ inner + m.w[f"{b}.ffn_down_exps.bias"][e])
    return m, m.logits(x)


def granite(experts):
    m = Model("granitemoe" if experts else "granite", "granitemoe" if experts else "granite")
    for key, value in [("embedding_scale", 12.0), ("residual_scale", 0.22), ("attention.scale", 0.125), ("logit_scale", 8.0)]:
        m.key(key, "float", value)
    if experts:
        m.key("expert_count", "uint", 4)
        m.key("expert_used_count", "uint", 2)
    plain_blocks(m, tied=True, experts=(lambda b: m.experts(b, 4, m.ffn)) if experts else None)
    x = llama_like(m, inverse(DIM, 10000.0), embedding=12.0, residual=float(np.float32(0.22)), scale=0.125,
                   mixture=(lambda b, x: m.mixture(b, x, 2, True)) if experts else None)
    return m, m.logits(x) / 8.0


def encoder(name):
    nomic = name == "nomic-bert"
    m = Model(name, name, kv=HEADS, epsilon="attention.layer_norm_epsilon")
    m.key("attention.causal", "bool", False)
    m.key("pooling_type", "uint", 1 if nomic else 2)
    m.add("token_embd.weight", VOCABULARY, m.width, scale=1.0)
    m.add("token_types.weight", 2, m.width, scale=0.5)
    if not nomic:
        m.add("position_embd.weight", CONTEXT, m.width, scale=0.5)
    m.norm("token_embd_norm", bias=True)
    for i in range(m.layers):
        b = f"blk.{i}"
        m.attention(b, bias=not nomic, output_bias=not nomic, fused=nomic)
        m.norm(f"{b}.attn_output_norm", bias=True)
        m.network(b, bias=not nomic, gate=nomic)
        m.norm(f"{b}.layer_output_norm", bias=True)
    x = m.w["token_embd.weight"][tokens()] + m.w["token_types.weight"][0]
    if not nomic:
        x = x + m.w["position_embd.weight"][:LENGTH]
    x = m.layer_norm("token_embd_norm", x)
    for i in range(m.layers):
        b = f"blk.{i}"
        q, k, v = m.qkv(b, x)
        if nomic:
            q, k = rotate(q, inverse(DIM, 10000.0), False), rotate(k, inverse(DIM, 10000.0), False)
        x = m.layer_norm(f"{b}.attn_output_norm", x + m.attend(b, q, k, v, causal=False))
        y = m.swiglu(b, x) if nomic else m.linear(f"{b}.ffn_down", gelu_erf(m.linear(f"{b}.ffn_up", x)))
        x = m.layer_norm(f"{b}.layer_output_norm", x + y)
    return m, x


def all_models():
    linear = inverse(DIM, 10000.0) / 4
    stretched, growth = yarn(DIM, 10000.0, 4.0, 32)
    return [
        llama("llama-1", kv=HEADS),
        llama("llama-2-linear", [("rope.scaling.type", "string", "linear"), ("rope.scaling.factor", "float", 4.0)], rope=linear),
        llama("llama-2-old-linear", [("rope.scale_linear", "float", 4.0)], rope=linear),
        llama("llama-2-ntk", [("rope.scaling.type", "string", "ntk"), ("rope.scaling.factor", "float", 4.0)], rope=inverse(DIM, 10000.0 * 4.0 ** (DIM / (DIM - 2)))),
        llama("llama-2-yarn", [("rope.scaling.type", "string", "yarn"), ("rope.scaling.factor", "float", 4.0),
                               ("rope.scaling.original_context_length", "uint", 32)], rope=stretched, factor=growth),
        llama("llama-3", [("rope.freq_base", "float", 500000.0)], rope=inverse(DIM, 500000.0), factors=True, tied=True),
        llama("mistral", [("attention.sliding_window", "uint", 7)], window=7, dim=32),
        mixtral("mixtral", False),
        mixtral("mixtral-split", True),
        mistral3(),
        qwen2(),
        qwen2moe(),
        qwen3(False),
        qwen3(True),
        gemma(2),
        gemma(3),
        phi3("phi3-long", 32, DIM, 1.1902),
        phi3("phi3-long-own-factor", 32, DIM, None),
        phi3("phi3-short-partial", 128, 12, None),
        gpt_oss(),
        granite(False),
        granite(True),
        encoder("bert"),
        encoder("nomic-bert"),
    ]


def main():
    models = []
    for m, out in all_models():
        assert np.isfinite(out).all(), m.name
        golden = base64.b64encode(out[ROWS].astype("<f4").tobytes()).decode()
        models.append({"name": m.name, "metadata": m.metadata, "tensors": m.tensors, "golden": golden})
        print(f"{m.name}: {len(m.tensors)} tensors, largest {abs(out).max():.3f}")
    with open("golden.json", "w", encoding="utf-8") as file:
        file.write(json.dumps({"tokens": tokens(), "rows": ROWS, "models": "@"}).replace('"@"', "[\n" + ",\n".join(map(json.dumps, models)) + "\n]") + "\n")


if __name__ == "__main__":
    main()
