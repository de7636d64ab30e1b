"""Trains jesus-nano: makes its text, its tokenizer and its weights, and leaves checkpoints.

    python3 train.py --work DIR --steps 3430

Deterministic but for the order in which threads add floats: all text, the start of the weights and the order of the
batches come from --seed. A checkpoint is written every --keep steps; export.py makes a GGUF file of any of them.
"""
import argparse
import json
import os
import random
import time

import torch
from torch.nn import functional as F

import corpus
import tokenizer as tokenizers
from network import Network, Shape

TOKENIZER_TEXTS = 12000
EVERY = 20  # steps between lines of the log


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", required=True, help="folder for the tokenizer, checkpoints and the log")
    parser.add_argument("--steps", type=int, default=3430)
    parser.add_argument("--stop", type=int, default=0, help="stop after this many steps of the schedule (for trials)")
    parser.add_argument("--batch", type=int, default=3072, help="tokens of a step, padding included")
    parser.add_argument("--muon", type=float, default=0.012, help="peak rate of the blocks' matrices; 0 gives them to Adam")
    parser.add_argument("--adam", type=float, default=2e-3, help="peak rate of everything else")
    parser.add_argument("--layers", type=int, default=Shape.layers)
    parser.add_argument("--hidden", type=int, default=Shape.hidden)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--keep", type=int, default=300, help="steps between checkpoints")
    parser.add_argument("--threads", type=int, default=1, help="one is the most work per processor second for matrices this small")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --work")
    return parser.parse_args()


def load_tokenizer(work, seed, size):
    """The tokenizer of `work`, trained first when it is not there yet."""
    path = os.path.join(work, "tokenizer.json")
    if not os.path.exists(path):
        made = tokenizers.train(corpus.texts(seed, TOKENIZER_TEXTS), size)
        with open(path, "w") as file:
            json.dump({"tokens": made.tokens, "merges": made.merges}, file)
    with open(path) as file:
        data = json.load(file)
    return tokenizers.Tokenizer(data["tokens"], [tuple(m) for m in data["merges"]])


class Batches:
    """Batches of about `tokens` tokens of examples of like length, drawn from fresh text without end."""

    POOL = 1500  # examples drawn, sorted by length and cut into batches at a time

    def __init__(self, tokenizer, seed, tokens):
        self.tokenizer, self.seed, self.tokens = tokenizer, seed, tokens
        self._random, self._ready, self._pools = random.Random(seed), [], 0

    def longest(self):
        """Mostly short texts; one pool in eight has texts up to the whole context."""
        return 1000 if self._pools % 8 == 7 else 420

    def next(self):
        if not self._ready:
            made = corpus.examples(self.tokenizer, self.seed * 1000 + self._pools, self.POOL, self.longest())
            self._pools += 1
            made.sort(key=lambda e: (e.segments is not None, len(e.ids) + self._random.random() * 8))
            self._ready = list(self._cut(made))
            self._random.shuffle(self._ready)
        return tensors(self._ready.pop())

    def _cut(self, made):
        batch = []
        for example in made:
            alike = batch and (batch[-1].segments is None) == (example.segments is None)
            if batch and (not alike or (len(batch) + 1) * max(len(example.ids), len(batch[-1].ids)) > self.tokens):
                yield batch
                batch = []
            batch.append(example)
        yield batch


def tensors(batch):
    """ids [rows, length], the flat places that predict learnt tokens, those tokens, their weights, and positions and mask where needed."""
    length = max(len(e.ids) for e in batch)
    rows = torch.zeros(len(batch), length, dtype=torch.long)
    at, want, weight = [], [], []
    for row, e in enumerate(batch):
        rows[row, :len(e.ids)] = torch.tensor(e.ids)
        at += [row * length + i for i in e.learnt]
        want += [e.ids[i + 1] for i in e.learnt]
        weight += e.weight
    positions, mask = prefix_sharing(batch, length) if batch[0].segments is not None else (None, None)
    return rows, torch.tensor(at), torch.tensor(want), torch.tensor(weight), positions, mask


def prefix_sharing(batch, length):
    positions, segments = torch.zeros(len(batch), length, dtype=torch.long), torch.zeros(len(batch), length, dtype=torch.long)
    for row, e in enumerate(batch):
        positions[row, :len(e.ids)] = torch.tensor(e.positions)
        segments[row, :len(e.ids)] = torch.tensor(e.segments)
    seen = (segments[:, None, :] == 0) | (segments[:, None, :] == segments[:, :, None])
    seen &= torch.ones(length, length, dtype=torch.bool).tril()
    return positions, torch.zeros(seen.shape).masked_fill_(~seen, -1e9)[:, None]


class Muon(torch.optim.Optimizer):
    """Momentum whose step is made orthogonal by five Newton-Schulz rounds: learns a matrix faster than Adam does."""

    def __init__(self, weights, momentum=0.95, decay=0.02):
        super().__init__(weights, {"lr": 1.0, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                mean = state.setdefault("mean", torch.zeros_like(weight))
                mean.lerp_(weight.grad, 1 - group["momentum"])
                push = orthogonal(weight.grad.lerp(mean, group["momentum"]))
                weight.mul_(1 - group["lr"] * group["decay"])
                weight.add_(push, alpha=-group["lr"] * max(1.0, weight.shape[0] / weight.shape[1]) ** 0.5)


def orthogonal(x):
    """The nearest matrix to x (times a scale) whose singular values are all near 1."""
    a, b, c = 3.4445, -4.7750, 2.0315
    flat = x.shape[0] > x.shape[1]
    x = x.T if flat else x
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if flat else x


class Optimizers:
    """Muon for the blocks' matrices, Adam for embedding, output and norms, under one schedule."""

    def __init__(self, net, muon_rate, adam_rate):
        inside = [p for n, p in net.named_parameters() if n.startswith("blk") and p.dim() == 2]
        around = [p for n, p in net.named_parameters() if not n.startswith("blk") or p.dim() == 1]
        adam = torch.optim.AdamW(around, lr=1.0, betas=(0.9, 0.98), eps=1e-9, weight_decay=0.01)
        if muon_rate > 0:
            self.pairs = [(Muon(inside), muon_rate), (adam, adam_rate)]
        else:
            self.pairs = [(torch.optim.AdamW(inside, lr=1.0, betas=(0.9, 0.98), eps=1e-9, weight_decay=0.01), adam_rate), (adam, adam_rate)]

    def step(self, factor):
        for optim, peak in self.pairs:
            for group in optim.param_groups:
                group["lr"] = peak * factor
            optim.step()

    def zero_grad(self):
        for optim, _ in self.pairs:
            optim.zero_grad()

    def state_dict(self):
        return [optim.state_dict() for optim, _ in self.pairs]

    def load_state_dict(self, states):
        for (optim, _), state in zip(self.pairs, states):
            optim.load_state_dict(state)


def factor_at(step, steps, warm=50):
    """Share of the peak rates: linear warm-up, full until two fifths, then a straight line down to nothing."""
    return min(1.0, (step + 1) / warm, (steps - step) / (0.6 * steps))


def save(path, net, optim, step, shape):
    torch.save({"net": net.state_dict(), "optim": optim.state_dict(), "step": step, "shape": shape.as_dict()}, path + ".part")
    os.replace(path + ".part", path)


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    os.makedirs(options.work, exist_ok=True)
    shape = Shape(layers=options.layers, hidden=options.hidden)
    tokenizer = load_tokenizer(options.work, options.seed, shape.vocabulary)
    net = Network(shape, options.seed)
    optim, first = Optimizers(net, options.muon, options.adam), 0
    checkpoint = os.path.join(options.work, "checkpoint.pt")
    if options.resume and os.path.exists(checkpoint):
        state = torch.load(checkpoint)
        net.load_state_dict(state["net"])
        optim.load_state_dict(state["optim"])
        first = state["step"]
    print(f"{sum(p.numel() for p in net.parameters())} parameters, {options.steps} steps of {options.batch} tokens, seed {options.seed}", flush=True)
    batches = Batches(tokenizer, options.seed + first, options.batch)
    loop(options, shape, net, optim, batches, first, checkpoint)


def loop(options, shape, net, optim, batches, first, checkpoint):
    began, total, right, seen, tokens = time.time(), 0.0, 0, 0, 0
    last = options.stop or options.steps
    for step in range(first, last):
        rows, at, want, weight, positions, mask = batches.next()
        logits = net.output(net.hidden(rows, positions, mask).flatten(0, 1)[at])
        loss = (F.cross_entropy(logits, want, reduction="none") * weight).sum() / weight.sum()
        optim.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optim.step(factor_at(step, options.steps))
        total, right, seen, tokens = total + float(loss), right + int((logits.argmax(1) == want).sum()), seen + len(want), tokens + rows.numel()
        if (step + 1) % EVERY == 0:
            seconds = time.time() - began
            print(f"step {step + 1}  loss {total / EVERY:.4f}  tokens right {100 * right / seen:.2f} %  {tokens / seconds:.0f} tokens/s  {seconds / 60:.1f} min", flush=True)
            total, right, seen = 0.0, 0, 0
        if (step + 1) % options.keep == 0 or step + 1 == last:
            save(checkpoint, net, optim, step + 1, shape)


if __name__ == "__main__":
    main()
