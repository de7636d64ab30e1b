"""The network of jesus-nano: the `llama` architecture in PyTorch, and the structured start of its weights.

A small model trained for an hour finds out late that it can copy: the circuit that does it (heads that look back by
one, two and three tokens, then a head that looks up what followed the same tokens before) needs two layers to agree.
`start_copying` therefore begins training with such heads already laid out; training is free to change them, and every
other weight starts at random. The exported file is a plain llama model.
"""
import math
from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Shape:
    vocabulary: int = 1536
    width: int = 192
    layers: int = 5
    heads: int = 4
    hidden: int = 384
    context: int = 1024
    rope_base: float = 500000.0
    epsilon: float = 1e-5

    @property
    def head(self):
        return self.width // self.heads

    def as_dict(self):
        return asdict(self)


class Norm(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.weight, self.epsilon = nn.Parameter(torch.ones(shape.width)), shape.epsilon

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon) * self.weight


class Block(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.attn_norm, self.ffn_norm = Norm(shape), Norm(shape)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            setattr(self, name, nn.Linear(shape.width, shape.width, bias=False))
        self.ffn_gate = nn.Linear(shape.width, shape.hidden, bias=False)
        self.ffn_up = nn.Linear(shape.width, shape.hidden, bias=False)
        self.ffn_down = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, x, turns, mask):
        batch, length, width = x.shape
        shape = (batch, length, self.shape.heads, self.shape.head)
        n = self.attn_norm(x)
        q = rotate(self.attn_q(n).view(shape), turns).transpose(1, 2)
        k = rotate(self.attn_k(n).view(shape), turns).transpose(1, 2)
        v = self.attn_v(n).view(shape).transpose(1, 2)
        scores = torch.matmul(q * self.shape.head ** -0.5, k.transpose(2, 3)) + mask
        mixed = torch.matmul(torch.softmax(scores, -1), v)
        x = x + self.attn_output(mixed.transpose(1, 2).reshape(batch, length, width))
        n = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(n)) * self.ffn_up(n))


def rotate(x, turns):
    """RoPE over neighbouring pairs (x0,x1), (x2,x3)...: the order GGUF llama files have. turns: complex [length, 1, head/2]."""
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * turns).flatten(-2)


class Network(nn.Module):
    def __init__(self, shape, seed=1):
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(shape.vocabulary, shape.width)
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = Norm(shape)
        self.output = nn.Linear(shape.width, shape.vocabulary, bias=False)
        self._turns = torch.polar(torch.ones(shape.context, shape.head // 2), angles(shape))
        self._mask = torch.full((shape.context, shape.context), -1e9).triu(1)
        start_random(self, seed)
        start_copying(self, seed)

    def hidden(self, ids, positions=None, mask=None):
        """ids [batch, length] -> states before the output matrix [batch, length, width].

        positions [batch, length] and mask [batch, 1, length, length] stand for the plain ones where talks share a prefix."""
        length = ids.shape[1]
        turns = self._turns[:length, None, :] if positions is None else self._turns[positions][:, :, None, :]
        mask = self._mask[:length, :length] if mask is None else mask
        x = self.token_embd(ids)
        for block in self.blk:
            x = block(x, turns, mask)
        return self.output_norm(x)

    def forward(self, ids):
        return self.output(self.hidden(ids))


def frequencies(shape):
    """Radians per position of each pair of a head, fastest first."""
    return shape.rope_base ** (-torch.arange(0, shape.head, 2).double() / shape.head)


def angles(shape):
    return (torch.arange(shape.context).double()[:, None] * frequencies(shape)).float()


def start_random(net, seed):
    generator = torch.Generator().manual_seed(seed)
    scale = 0.7 * net.shape.width ** -0.5
    for name, weight in net.named_parameters():
        if weight.dim() == 2:
            out = name.endswith(("attn_output.weight", "ffn_down.weight"))
            spread = scale / math.sqrt(2 * net.shape.layers) if out else scale
            weight.data.normal_(0, spread, generator=generator)


# How the residual stream is divided at the start (of 192): the token itself, the one, two and three before it,
# what is to be said next, and a constant that position-only heads read.
TOKEN, BEFORE, NEXT, CONSTANT = slice(0, 64), [slice(64, 88), slice(88, 112), slice(112, 136)], slice(136, 184), 191
CODE, SHORT, SAID = 64, 24, 48   # entries of a token's code, of its short form in BEFORE, of its form in NEXT
SIZE = 0.25                      # of an entry of a token's embedding
CONSTANT_SIZE = 1.0


def start_copying(net, seed):
    generator = torch.Generator().manual_seed(seed + 1)
    code = torch.randn(net.shape.vocabulary, CODE, generator=generator)
    look, say = orthogonal(SHORT, CODE, generator), orthogonal(SAID, CODE, generator)
    mixes = [orthogonal(SHORT, SHORT, generator) for _ in BEFORE]
    with torch.no_grad():
        embedding = net.token_embd.weight
        embedding.mul_(0.3)
        embedding[:, TOKEN] = code * SIZE
        embedding[:, CONSTANT] = CONSTANT_SIZE
        net.output.weight[:, NEXT] = 0.12 * code @ say.T
        for head, place in enumerate(BEFORE):
            look_back(net, 0, head, head + 1, look, place)
        for layer in (1, 2):
            look_up(net, layer, 0, look, say, mixes)


def orthogonal(rows, columns, generator):
    return torch.linalg.qr(torch.randn(columns, rows, generator=generator))[0].T


def look_back(net, layer, head, distance, look, place):
    """Makes a head attend `distance` tokens back (RoPE phases alone decide) and write that token's code into `place`."""
    block, first = net.blk[layer], head * net.shape.head
    rows = slice(first, first + net.shape.head)
    block.attn_q.weight[rows] = 0
    block.attn_k.weight[rows] = 0
    for pair, theta in enumerate(frequencies(net.shape)[:8].tolist()):
        block.attn_q.weight[first + 2 * pair, CONSTANT] = 1.5 * math.cos(-distance * theta)
        block.attn_q.weight[first + 2 * pair + 1, CONSTANT] = 1.5 * math.sin(-distance * theta)
        block.attn_k.weight[first + 2 * pair, CONSTANT] = 1.5
    block.attn_v.weight[rows] = 0
    block.attn_v.weight[first:first + SHORT, TOKEN] = look
    block.attn_output.weight[:, rows] = 0
    block.attn_output.weight[place, first:first + SHORT] = 0.25 * torch.eye(SHORT)


def look_up(net, layer, head, look, say, mixes):
    """Makes a head attend to where the last tokens stood before, and write the code of what followed into NEXT."""
    block, first = net.blk[layer], head * net.shape.head
    rows, slow = slice(first, first + net.shape.head), slice(first + SHORT, first + 2 * SHORT)  # slow pairs hardly turn over a prompt
    block.attn_q.weight[rows] = 0
    block.attn_k.weight[rows] = 0
    for order, (mix, strength) in enumerate(zip(mixes, (1.0, 0.8, 0.6))):
        if order == 0:
            block.attn_q.weight[slow, TOKEN] = 1.6 * mix @ look
        else:
            block.attn_q.weight[slow, BEFORE[order - 1]] = 1.6 * strength * mix
        block.attn_k.weight[slow, BEFORE[order]] = 1.6 * mix
    block.attn_v.weight[rows] = 0
    block.attn_v.weight[first:first + SAID, TOKEN] = say
    block.attn_output.weight[:, rows] = 0
    block.attn_output.weight[NEXT, first:first + SAID] = 0.5 * torch.eye(SAID)
