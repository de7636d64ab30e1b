"""Writes the 500 held-out cases, models/eval/heldout.jsonl: names never trained on, partly new wordings and templates.

    python3 heldout.py --out FILE
"""
import argparse
import json
import random

from tasks import Tasks

SEED = 500
COUNTS = {"a": 120, "b": 120, "c": 160, "d": 60, "e": 40}
COLUMNS = ("task", "messages", "tools", "schema", "inputs", "expect")


def cases():
    tasks = Tasks(random.Random(SEED), held_out=True)
    for task, count in COUNTS.items():
        for _ in range(count):
            case = tasks.case(task)
            yield {key: case[key] for key in COLUMNS if key in case}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True)
    with open(parser.parse_args().out, "w") as file:
        for case in cases():
            file.write(json.dumps(case, ensure_ascii=False, separators=(",", ":")) + "\n")
