"""Writes the 500 held-out cases, models/eval/heldout.jsonl: names never trained on, partly new wordings and templates.

    python3 heldout.py --out FILE [--unseen 1 --seed 501]    (1: every wording and template that has an unseen one is unseen)
"""
import argparse
import json
import random

import fillers
from tasks import Tasks

SEED = 500
COUNTS = {"a": 120, "b": 120, "c": 160, "d": 60, "e": 40}
COLUMNS = ("task", "messages", "tools", "schema", "inputs", "expect")


def cases(seed):
    tasks = Tasks(random.Random(seed), held_out=True)
    for task, count in COUNTS.items():
        for _ in range(count):
            case = tasks.case(task)
            yield {key: case[key] for key in COLUMNS if key in case}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--unseen", type=float, default=fillers.UNSEEN_SHARE, help="share of unseen wordings and templates")
    options = parser.parse_args()
    fillers.UNSEEN_SHARE = options.unseen
    with open(options.out, "w") as file:
        for case in cases(options.seed):
            file.write(json.dumps(case, ensure_ascii=False, separators=(",", ":")) + "\n")
