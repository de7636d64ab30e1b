"""A small reference engine in numpy: a GGUF llama file, float32 arithmetic on its dequantised weights, a KV cache,
greedy generation under a constraint. The daemon's engine is checked against what this one computes."""
import numpy as np

import gguf
from tokenizer import CONTROL, IM_END, Tokenizer


class Model:
    def __init__(self, path):
        self.metadata, t = gguf.read(path)
        m = self.metadata
        self.layers, self.heads = m["llama.block_count"], m["llama.attention.head_count"]
        self.width, self.context = m["llama.embedding_length"], m["llama.context_length"]
        self.head, self.epsilon = self.width // self.heads, m["llama.attention.layer_norm_rms_epsilon"]
        if m["llama.attention.head_count_kv"] != self.heads:
            raise ValueError(f"{path}: grouped KV heads are not implemented here")
        self.embedding, self.norm = t["token_embd.weight"], t["output_norm.weight"]
        self.output = t.get("output.weight", self.embedding)
        names = ("attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down")
        self.blocks = [{n: t[f"blk.{i}.{n}.weight"] for n in names} for i in range(self.layers)]
        self.frequencies = m["llama.rope.freq_base"] ** (-np.arange(0, self.head, 2) / self.head)
        merges = [tuple(pair.split(" ")) for pair in m["tokenizer.ggml.merges"]]
        self.tokenizer = Tokenizer(m["tokenizer.ggml.tokens"], merges)

    def start(self):
        return Sequence(self)


class Sequence:
    """One text in progress: `feed` runs tokens and returns the logits after the last one."""

    def __init__(self, model):
        self.model, self.length = model, 0
        shape = (model.layers, model.heads, model.context, model.head)
        self.keys, self.values = np.zeros(shape, np.float32), np.zeros(shape, np.float32)

    def feed(self, ids):
        m, count = self.model, len(ids)
        if self.length + count > m.context:
            raise ValueError(f"{self.length + count} tokens, but the context holds {m.context}")
        first, last = self.length, self.length + count
        angle = np.arange(first, last)[:, None] * m.frequencies
        turn = (np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32))
        hidden = np.arange(last) > np.arange(first, last)[:, None]
        x = m.embedding[ids]
        for layer, block in enumerate(m.blocks):
            n = norm(x, block["attn_norm"], m.epsilon)
            split = (count, m.heads, m.head)
            q = rotate((n @ block["attn_q"].T).reshape(split), turn).transpose(1, 0, 2)
            self.keys[layer, :, first:last] = rotate((n @ block["attn_k"].T).reshape(split), turn).transpose(1, 0, 2)
            self.values[layer, :, first:last] = (n @ block["attn_v"].T).reshape(split).transpose(1, 0, 2)
            scores = q @ self.keys[layer, :, :last].transpose(0, 2, 1) / np.float32(np.sqrt(m.head))
            scores[:, hidden] = -np.inf
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            mixed = (scores / scores.sum(-1, keepdims=True)) @ self.values[layer, :, :last]
            x = x + mixed.transpose(1, 0, 2).reshape(count, m.width) @ block["attn_output"].T
            n = norm(x, block["ffn_norm"], m.epsilon)
            gate = n @ block["ffn_gate"].T
            x = x + (gate / (1 + np.exp(-gate)) * (n @ block["ffn_up"].T)) @ block["ffn_down"].T
        self.length = last
        return m.output @ norm(x[-1], m.norm, m.epsilon)


def norm(x, weight, epsilon):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * weight


def rotate(x, turn):
    """RoPE over neighbouring pairs of x [tokens, heads, head]."""
    cos, sin = turn[0][:, None], turn[1][:, None]
    out = np.empty_like(x)
    out[..., 0::2] = x[..., 0::2] * cos - x[..., 1::2] * sin
    out[..., 1::2] = x[..., 0::2] * sin + x[..., 1::2] * cos
    return out


def generate(model, prompt, constraint=None, limit=400):
    """Greedy ids until <|im_end|> (left out) or `limit`. A constraint says per step which ids may follow; see constraints.py."""
    sequence, ids = model.start(), []
    logits = sequence.feed(prompt)
    while len(ids) < min(limit, model.context - len(prompt) - 1):
        best = choose(logits, constraint)
        if best == IM_END:
            break
        ids.append(best)
        logits = sequence.feed([best])
        if constraint:
            constraint.accept(best)
    return ids


def choose(logits, constraint):
    """The likeliest id that the constraint admits; other control tokens never come unasked."""
    for best in np.argsort(-logits):
        if constraint.admits(int(best)) if constraint else int(best) >= len(CONTROL) or best == IM_END:
            return int(best)
    raise RuntimeError("the constraint admits no token at all")
