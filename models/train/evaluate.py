"""Judges a GGUF file on held-out cases: greedy, with the constraint on, an answer counts only when it is exactly right.

    python3 evaluate.py --model models/jesus-nano.gguf --cases models/eval/heldout.jsonl [--free] [--wrong]
"""
import argparse
import json
import time
from collections import defaultdict

import constraints
from chat import render
from corpus import encode
from engine import Model, generate
from tokenizer import TOOL_CALL, TOOL_CALL_END

NAMES = {"a": "judge a line", "b": "extract fields", "c": "use tools", "d": "write a report", "e": "small talk"}


def answer(model, case, free):
    """What the model says to a case, in the shape of the case's `expect`."""
    constraint = None
    if not free and "schema" in case:
        constraint = constraints.Json(model.tokenizer, case["schema"], case.get("inputs"))
    elif not free and "tools" in case:
        constraint = constraints.Tools(model.tokenizer, case["tools"])
    ids = generate(model, encode(model.tokenizer, render(case["messages"], case.get("tools"))), constraint)
    text = model.tokenizer.decode([i for i in ids if i not in (TOOL_CALL, TOOL_CALL_END)])
    try:
        if TOOL_CALL in ids:
            return {"tool_call": json.loads(text)}
        return json.loads(text) if "schema" in case else {"text": text}
    except ValueError:
        return {"unreadable": text}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--cases", required=True)
    parser.add_argument("--free", action="store_true", help="without the constraint")
    parser.add_argument("--wrong", action="store_true", help="print each wrong answer")
    parser.add_argument("--every", type=int, default=1, help="judge only each n-th case")
    options = parser.parse_args()
    model, began, tally, fields = Model(options.model), time.time(), defaultdict(lambda: [0, 0]), defaultdict(lambda: [0, 0])
    with open(options.cases) as file:
        cases = [json.loads(line) for line in file][::options.every]
    for case in cases:
        said = answer(model, case, options.free)
        right = said == case["expect"]
        tally[case["task"]][0] += right
        tally[case["task"]][1] += 1
        if "schema" in case:
            for key, value in case["expect"].items():
                fields[case["task"], key][0] += said.get(key) == value
                fields[case["task"], key][1] += 1
        if options.wrong and not right:
            print(f"{case['task']}  {case['messages'][-1]['content']!r}\n   want {json.dumps(case['expect'])}\n   said {json.dumps(said)}", flush=True)
    for task, (right, count) in sorted(tally.items()):
        print(f"{task} {NAMES[task]:15} {right:4} of {count:4}  {100 * right / count:6.2f} %")
        for (of, key), (good, seen) in fields.items():
            if of == task:
                print(f"    {key:13} {good:4} of {seen:4}  {100 * good / seen:6.2f} %")
    print(f"{len(cases)} cases in {time.time() - began:.0f} s, constraint {'off' if options.free else 'on'}")


if __name__ == "__main__":
    main()
