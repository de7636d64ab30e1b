"""The five tasks as cases: what is asked, under which constraint, and the one right answer.

A case is a dictionary as models/eval/heldout.jsonl holds it (task, messages, tools, schema, inputs, expect), plus
`answer`: the assistant message that training teaches.
"""
import json

import tool_pool
from chat import compact
import fillers
from fillers import Source
from log_lines import SEVERITIES, LogLines
from small_talk import SMALL_TALK

JUDGE = ["Judge this log line.", "What does this log line say?", "Rate the severity of this log line.", "Classify this log line.", "How bad is this log line?", "Judge the log line below."]
EXTRACT = ["Extract the fields of this log line.", "Parse this log line.", "Give me the fields of this log line.", "Split this log line into its fields.", "Extract time, host, component and message."]
REPORT = ["Write a short report from these fields.", "Write a report from this data.", "Summarise these fields in plain words.", "Report on these fields.", "Write a short report."]
SYSTEM = ["You are a helpful assistant.", "You are Jesus, an agent appliance.", "Answer briefly.", "You read log files.", "You are an operator's assistant. Be brief and exact.",
          "Use only the given values.", "Answer in JSON when asked for JSON.", "You are an agent. Use the tools.", "Use a tool when one fits.", "You triage logs."]

SPAN = {"type": "string", "x-span-of": "line"}
JUDGE_SCHEMA = {"type": "object", "properties": {"severity": {"type": "string", "enum": SEVERITIES}, "component": SPAN}, "required": ["severity", "component"], "additionalProperties": False}
EXTRACT_SCHEMA = {"type": "object", "properties": {"time": SPAN, "host": SPAN, "component": SPAN, "message": SPAN}, "required": ["time", "host", "component", "message"], "additionalProperties": False}
SAYING = {"debug": "noted", "info": "said", "warning": "gave a warning", "error": "reported an error", "critical": "reported a critical error"}


class Tasks:
    """Draws cases of one split."""

    def __init__(self, random, held_out=False):
        self.source, self.held_out = Source(random, held_out), held_out
        self.lines = LogLines(random, held_out)
        tool_pool.READ_LOG = lambda source: self.lines.next().line

    def case(self, task):
        return {"a": self._judge, "b": self._extract, "c": self._tools, "d": self._report, "e": self._talk}[task]()

    def _ask(self, wordings, payload):
        """The messages of a one-question case; the first wording is the one the product sends."""
        s = self.source
        wording = wordings[0] if s.chance(0.75) else s.pick(wordings)
        return self._system() + [{"role": "user", "content": f"{wording}\n{payload}"}]

    def _system(self):
        return [{"role": "system", "content": self.source.pick(SYSTEM)}] if self.source.chance(0.25) else []

    def _judge(self):
        entry = self.lines.short() if not self.held_out and self.source.chance(0.25) else self.lines.next()
        expect = {"severity": entry.severity, "component": entry.component}
        return {"task": "a", "messages": self._ask(JUDGE, entry.line), "schema": JUDGE_SCHEMA, "inputs": {"line": entry.line}, "expect": expect,
                "answer": {"role": "assistant", "content": compact(expect)}}

    def _extract(self):
        entry = self.lines.next()
        expect = {"time": entry.time, "host": entry.host, "component": entry.component, "message": entry.message}
        return {"task": "b", "messages": self._ask(EXTRACT, entry.line), "schema": EXTRACT_SCHEMA, "inputs": {"line": entry.line}, "expect": expect,
                "answer": {"role": "assistant", "content": compact(expect)}}

    # Tools

    def _offer(self, most=5):
        """(tool asked for, its listed name, the listings, all of both): two to `most` different tools in any order."""
        s = self.source
        count = min(s.number(2, most), s.number(2, most))
        wanted = s.pick(tool_pool.POOL[:5]) if s.chance(0.4) else s.pick(tool_pool.POOL)
        others = [t for t in s.random.sample(tool_pool.POOL[:5] + tool_pool.POOL, count + 4) if t is not wanted]
        unique = list({id(t): t for t in others}.values())[:count - 1]  # POOL[:5], the box's own tools, come more often
        listed = [(t, *tool_pool.listing(t, s)) for t in [wanted, *unique]]
        s.random.shuffle(listed)
        name = next(n for t, n, _ in listed if t is wanted)
        return wanted, name, [entry for _, _, entry in listed], listed

    def _tools(self):
        s = self.source
        kind = s.random.random()
        if kind < 0.08:
            return self._no_tool()
        tool, name, tools, _ = self._offer()
        request, arguments = tool_pool.request_for(tool, s, self.held_out)
        messages = self._system() + [{"role": "user", "content": request}]
        call = call_of(name, arguments)
        if kind < 0.78:
            return {"task": "c", "messages": messages, "tools": tools, "expect": {"tool_call": {"name": name, "arguments": arguments}}, "answer": call}
        result = tool.result(s, arguments)
        messages += [call, {"role": "tool", "content": result}]
        said = answer_from(result)
        return {"task": "c", "messages": messages, "tools": tools, "expect": {"text": said}, "answer": {"role": "assistant", "content": said}}

    def tool_talks(self, most=5):
        """(system messages, tools, several independent talks under them): training reads the long listing once for all."""
        s = self.source
        _, _, tools, listed = self._offer(most)
        system, talks = self._system(), []
        for _ in range(s.number(3, 5)):
            if s.chance(0.08):
                question, answer = self._talk_pair()
                talks.append([{"role": "user", "content": question}, {"role": "assistant", "content": answer}])
                continue
            tool, name, _ = s.pick(listed)
            request, arguments = tool_pool.request_for(tool, s, self.held_out)
            talk = [{"role": "user", "content": request}, call_of(name, arguments)]
            if s.chance(0.4):
                result = tool.result(s, arguments)
                talk += [{"role": "tool", "content": result}, {"role": "assistant", "content": answer_from(result)}]
            talks.append(talk)
        return system, tools, talks

    def _no_tool(self):
        _, _, tools, _ = self._offer(4)
        question, answer = self._talk_pair()
        return {"task": "c", "messages": self._system() + [{"role": "user", "content": question}], "tools": tools,
                "expect": {"text": answer}, "answer": {"role": "assistant", "content": answer}}

    # Reports

    def _finding(self):
        s, entry = self.source, self.lines.next()
        fields = {"severity": entry.severity, "component": entry.component, "message": entry.message[:s.pick([60, 90, 90, 150])].rstrip()}
        shape = s.number(0, 12)  # most often the three fields alone
        if shape == 0:
            del fields["message"]
        if shape == 1:
            del fields["severity"]
        if shape in (1, 2) and entry.host:
            fields["host"] = entry.host
        if shape in (1, 3) and entry.time:
            fields["time"] = entry.time
        if shape in (4, 5):
            fields["count"] = s.number(2, 99)
        return fields

    def _counts(self):
        s = self.source
        counts = {}
        if s.chance(0.3):
            counts["file"] = s.file()
        if s.chance(0.75):
            counts["lines"] = s.number(20, 9999)
        for key, most in (("errors", 40), ("warnings", 60), ("critical", 9)):
            if s.chance(0.8 if key != "critical" else 0.4):
                counts[key] = s.number(0, most)
        if not any(k in counts for k in ("errors", "warnings", "critical")):
            counts["errors"] = s.number(0, 40)
        if s.chance(0.3):
            keys = list(counts)
            s.random.shuffle(keys)
            counts = {k: counts[k] for k in keys}
        return counts

    def _report(self):
        s = self.source
        shape = s.random.random()
        if shape < 0.3:
            data = self._finding()
        elif shape < 0.5:
            data = self._counts()
        elif shape < 0.65:
            data = {**self._counts(), **self._finding()} if s.chance(0.5) else {**self._finding(), **self._counts()}
        else:
            data = [self._finding() for _ in range(s.number(1, 4))]
            if len(data) > 1 and s.chance(0.25):
                data[1] = dict(data[0])  # logs repeat themselves
            if s.chance(0.25):
                data[0] = self._counts()
        said = report(data)
        return {"task": "d", "messages": self._ask(REPORT, compact(data)), "expect": {"text": said}, "answer": {"role": "assistant", "content": said}}

    # Small talk

    def _talk_pair(self):
        s = self.source
        questions, answer = s.pick(SMALL_TALK)
        question = questions[-1] if self.held_out and len(questions) > 3 and s.chance(fillers.UNSEEN_SHARE) else s.pick(questions[:-1] if len(questions) > 3 else questions)
        if s.chance(0.15):
            question = question.lower()
        if s.chance(0.1):
            question = question.rstrip("?.!")
        return question, answer

    def _talk(self):
        question, answer = self._talk_pair()
        return {"task": "e", "messages": self._system() + [{"role": "user", "content": question}], "expect": {"text": answer}, "answer": {"role": "assistant", "content": answer}}


def call_of(name, arguments):
    return {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": name, "arguments": arguments}}]}


def closed(sentence):
    return sentence if sentence.endswith((".", "!", "?")) else sentence + "."


def report(data):
    """The sentences that a report of these fields consists of; every value in them is a value of the fields."""
    items = data if isinstance(data, list) else [data]
    return " ".join(sentence for item in items for sentence in _sentences(item))


def _sentences(item):
    counted = [(item[k], n) for k, n in (("critical", "critical"), ("errors", "errors"), ("warnings", "warnings")) if k in item]
    if counted:
        parts = [f"{count} {noun}" for count, noun in counted]
        joined = parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
        where = (f" in {item['lines']} lines" if "lines" in item else "")
        where += (" of " if where else " in ") + item["file"] if "file" in item else ""
        yield f"There are {joined}{where}."
    if "component" in item:
        subject = (item["component"] or "The log") + (f" on {item['host']}" if "host" in item else "")
        times = f" {item['count']} times" if "count" in item else ""
        verb = SAYING[item.get("severity", "info")]
        when = f" at {item['time']}" if "time" in item else ""
        what = f": {item['message']}" if item.get("message") else ""
        yield closed(f"{subject} {verb}{times}{when}{what}")


def answer_from(result):
    """The plain answer to a tool's result: one sentence that contains it (its first line when it has several)."""
    if result in ("", "[]", "{}", "null", "no match"):
        return "Nothing was found."
    if result in ("ok", "done"):
        return "It is done."
    value = _json(result)
    if isinstance(value, list) and value and isinstance(value[0], dict) and set(value[0]) == {"line", "text"}:
        return closed(f"Found in line {value[0]['line']}: {value[0]['text']}")
    if isinstance(value, dict):
        if "weekday" in value:
            return f"The time in {value['zone']} is {value['time']}, a {value['weekday']}."
        if "total_lines" in value:
            return closed(f"Line {value['first_line']} of {value['total_lines']} is: {value['text'].split(chr(10))[0]}")
        if "numbers" in value:
            return closed(f"Found {value['count']}, the first in line {value['numbers'][0]}: {value['lines'][0]}") if value["count"] else "Nothing was found."
        if "bytes" in value and "note" in value:
            return f"The note {value['note']} has {value['bytes']} bytes now."
        if value in ({"ok": True}, {"status": "done"}):
            return "It is done."
        parts = [f"{key.replace('_', ' ')} is {item}" for key, item in value.items()]
        joined = parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
        return closed(f"The {joined}")
    first, _, rest = result.partition("\n")
    return closed(f"The first line is: {first}" if rest else f"The result is {first}")


def _json(text):
    """The value of a JSON text, None when it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None
