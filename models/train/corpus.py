"""Cases as token ids: what the network is trained on."""
import random

from chat import render
from tasks import Tasks
from tokenizer import CONTROL, Tokenizer

MIX = [("a", 0.12), ("b", 0.24), ("c", 0.24), ("d", 0.36), ("e", 0.04)]  # of "c" one example holds three to five requests
# How much a learnt token of a task counts. A verdict is one token in a dozen, a copied message is sixty: without this the
# copies drown the verdicts, and the severity was still a guess after a thousand steps.
WEIGHT = {"a": 2.0, "b": 1.0, "c": 1.5, "d": 1.5, "e": 1.5}
VERDICT_AT, VERDICT_WEIGHT = 3, 12.0  # the severity follows {" severity ":"
SPECIAL = {text: index for index, text in enumerate(CONTROL)}


def encode(tokenizer, pieces):
    """Pieces of chat.render to ids. Control tokens count in literal pieces only; text between two of them is one run."""
    ids, run = [], []
    for text, literal in pieces:
        if not literal:
            run.append(text)
            continue
        at = 0
        while at < len(text):
            found = min(((text.find(s, at), s) for s in CONTROL if text.find(s, at) >= 0), default=(len(text), None))
            run.append(text[at:found[0]])
            if found[1] is None:
                break
            ids += tokenizer.encode("".join(run))
            ids.append(SPECIAL[found[1]])
            run, at = [], found[0] + len(found[1])
    return ids + tokenizer.encode("".join(run))


def answered(tokenizer, case):
    """(ids, number of prompt ids): the prompt and the answer with its closing <|im_end|>."""
    prompt = encode(tokenizer, render(case["messages"], case.get("tools")))
    whole = encode(tokenizer, render(case["messages"] + [case["answer"]], case.get("tools"), generate=False))[:-1]  # without the last "\n"
    if whole[:len(prompt)] != prompt:
        raise ValueError("the answer changed the prompt's tokens: the template's seams are wrong")
    return whole, len(prompt)


def pick_task(source):
    at = source.random()
    for task, share in MIX:
        at -= share
        if at < 0:
            return task
    return MIX[0][0]


def texts(seed, count):
    """Rendered conversations for training the tokenizer."""
    source = random.Random(seed)
    tasks = Tasks(source)
    for _ in range(count):
        case = tasks.case(pick_task(source))
        yield "".join(text for text, literal in render(case["messages"] + [case["answer"]], case.get("tools"), generate=False))


class Example:
    """Token ids with the flat positions whose next token is learnt. `positions` and `segments` are set where several
    talks share a prefix: a token sees the prefix (segment 0) and its own segment, and counts positions from the prefix."""

    __slots__ = ("ids", "learnt", "weight", "positions", "segments")

    def __init__(self, ids, learnt, weight, positions=None, segments=None):
        self.ids, self.learnt, self.weight, self.positions, self.segments = ids, learnt, weight, positions, segments


def single(tokenizer, case):
    ids, prompt = answered(tokenizer, case)
    weights = [WEIGHT[case["task"]]] * (len(ids) - prompt)
    if case["task"] == "a":
        weights[VERDICT_AT] = VERDICT_WEIGHT
    return Example(ids, range(prompt - 1, len(ids) - 1), weights)


def shared(tokenizer, system, tools, talks):
    """One listing of tools and several talks under it, none of which sees the others."""
    head = system or [{"role": "user", "content": ""}]
    prefix = encode(tokenizer, [p for p in render(head, tools, generate=False)])
    if not system:
        prefix = prefix[:-(len(encode(tokenizer, render(head, None, generate=False))))]
    ids, learnt, positions, segments = list(prefix), [], list(range(len(prefix))), [0] * len(prefix)
    for number, talk in enumerate(talks, 1):
        for index, message in enumerate(talk):
            turn = encode(tokenizer, render([message], None, generate=False))
            if message["role"] == "assistant":
                opening = len(encode(tokenizer, render([], None)))  # "<|im_start|>assistant\n" is given, the rest is learnt
                learnt += range(len(ids) + opening - 1, len(ids) + len(turn) - 2)
            ids += turn
        positions += range(len(prefix), len(prefix) + len(ids) - len(positions))
        segments += [number] * (len(ids) - len(segments))
    return Example(ids, learnt, [WEIGHT["c"]] * len(learnt), positions, segments)


def examples(tokenizer: Tokenizer, seed, count, longest):
    """`count` training examples of at most `longest` tokens."""
    source = random.Random(seed)
    tasks, made = Tasks(source), []
    while len(made) < count:
        task = pick_task(source)
        if task == "c":
            example = shared(tokenizer, *tasks.tool_talks())
            fits = max(example.positions) < longest and len(example.ids) < 2 * longest
        else:
            example = single(tokenizer, tasks.case(task))
            fits = len(example.ids) <= longest
        if fits:
            made.append(example)
    return made
