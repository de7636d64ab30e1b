"""What may be generated next: JSON that fits a schema, or a call of one of the listed tools.

JSON is compact: no spaces, an object's keys in the order of the schema's `properties`, all `required` ones present.
Known: object, array, string, enum, integer, number, boolean, and "x-span-of": NAME (the string is a part of the named
input, the empty string included). A text is checked from its start for each candidate: slow, short, and easy to trust.
"""
import json

from tokenizer import CONTROL, IM_END, TOOL_CALL, TOOL_CALL_END

STRING_MOST = 600  # bytes of a generated string; longer ones are a model going round in circles
ESCAPES = {b'"': b'"', b"\\": b"\\", b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"f": b"\f", b"/": b"/"}


class Unfit(Exception):
    """The text cannot be continued into anything that fits."""


class Unfinished(Exception):
    """The text fits as far as it goes and has to go on."""


def literal(text, at, want):
    have = text[at:at + len(want)]
    if have == want:
        return at + len(want)
    raise Unfinished if want.startswith(have) and at + len(have) == len(text) else Unfit


def json_value(text, at, schema, inputs):
    """The end of a value of `schema` that begins at `at`."""
    if "enum" in schema:
        return choice(text, at, [json.dumps(v, ensure_ascii=False).encode() for v in schema["enum"]])
    kind = schema.get("type")
    if kind == "object":
        return json_object(text, at, schema, inputs)
    if kind == "array":
        return json_array(text, at, schema, inputs)
    if kind == "string":
        source = schema.get("x-span-of")
        return json_string(text, at, None if source is None else inputs[source].encode())
    if kind == "boolean":
        return choice(text, at, [b"true", b"false"])
    if kind in ("integer", "number"):
        return json_number(text, at, kind == "number")
    raise ValueError(f"schema {schema} has no type that is implemented here")


def choice(text, at, options):
    unfinished = False
    for option in options:
        try:
            return literal(text, at, option)
        except Unfinished:
            unfinished = True
        except Unfit:
            pass
    raise Unfinished if unfinished else Unfit


def json_object(text, at, schema, inputs):
    at, first, required = literal(text, at, b"{"), True, set(schema.get("required", ()))
    properties = list(schema.get("properties", {}).items())
    while True:
        if at == len(text):
            raise Unfinished
        if text[at:at + 1] == b"}":
            if any(name in required for name, _ in properties):
                raise Unfit
            return at + 1
        at = at if first else literal(text, at, b",")
        at, index = key_of(text, at, properties, required)
        at = json_value(text, at, properties[index][1], inputs)
        properties, first = properties[index + 1:], False


def key_of(text, at, properties, required):
    """The end of the next key, and which property it is: any up to the first required one."""
    unfinished = False
    for index, (name, _) in enumerate(properties):
        try:
            return literal(text, at, json.dumps(name).encode() + b":"), index
        except Unfinished:
            unfinished = True
        except Unfit:
            pass
        if name in required:
            break
    raise Unfinished if unfinished else Unfit


def json_array(text, at, schema, inputs):
    at = literal(text, at, b"[")
    if text[at:at + 1] == b"]":
        return at + 1
    while True:
        at = json_value(text, at, schema["items"], inputs)
        if text[at:at + 1] == b"]":
            return at + 1
        at = literal(text, at, b",")


def json_string(text, at, source):
    at = literal(text, at, b'"')
    value = bytearray()
    while True:
        if source is not None and bytes(value) not in source or len(value) > STRING_MOST:
            raise Unfit
        if at == len(text):
            raise Unfinished
        sign = text[at:at + 1]
        if sign == b'"':
            return at + 1
        if sign == b"\\":
            if at + 1 == len(text):
                # Only where some escape can follow: a lone backslash must not lead into a dead end.
                raise Unfinished if source is None or any(bytes(value) + sign in source for sign in ESCAPES.values()) else Unfit
            if text[at + 1:at + 2] not in ESCAPES:
                raise Unfit
            value += ESCAPES[text[at + 1:at + 2]]
            at += 2
            continue
        if sign < b" ":
            raise Unfit
        value += sign
        at += 1


def json_number(text, at, fraction):
    start = at
    if text[at:at + 1] == b"-":
        at += 1
    at = digits(text, at)
    if text[start:at].lstrip(b"-").startswith(b"0") and at - start > 1 + (text[start:start + 1] == b"-"):
        raise Unfit
    if fraction and text[at:at + 1] == b".":
        at = digits(text, at + 1)
    if at - start > 18:
        raise Unfit
    return at


def digits(text, at):
    start = at
    while at < len(text) and 48 <= text[at] <= 57:
        at += 1
    if at == start:
        raise Unfinished if at == len(text) else Unfit
    return at


class Json:
    """Generation of one value of a schema, then the end."""

    def __init__(self, tokenizer, schema, inputs):
        self._bytes, self._schema, self._inputs, self._text = tokenizer.bytes_of, schema, inputs or {}, b""

    def admits(self, token):
        if token < len(CONTROL):
            return token == IM_END and self._fits(self._text) == "whole"
        return self._fits(self._text + self._bytes[token]) is not None

    def accept(self, token):
        self._text += self._bytes[token]

    def _fits(self, text):
        try:
            return "whole" if json_value(text, 0, self._schema, self._inputs) == len(text) else None
        except Unfinished:
            return "begun"
        except Unfit:
            return None


class Tools:
    """Plain text, or one call of a listed tool; the first token decides."""

    def __init__(self, tokenizer, tools):
        self._bytes, self._state, self._text = tokenizer.bytes_of, "start", b""
        self._calls = [(t["function"]["name"], t["function"]["parameters"]) for t in tools]

    def admits(self, token):
        if self._state in ("start", "text"):
            return token >= len(CONTROL) or token == IM_END or (token == TOOL_CALL and self._state == "start")
        if self._state == "called":
            return token == IM_END
        if token < len(CONTROL):
            return token == TOOL_CALL_END and self._fits(self._text) == "whole"
        return self._fits(self._text + self._bytes[token]) is not None

    def accept(self, token):
        if self._state == "start":
            self._state = "call" if token == TOOL_CALL else "text"
        elif self._state == "call":
            self._state = "called" if token == TOOL_CALL_END else "call"
            self._text += b"" if token == TOOL_CALL_END else self._bytes[token]

    def _fits(self, text):
        begun = False
        for name, parameters in self._calls:
            try:
                at = literal(text, 0, b'\n{"name":' + json.dumps(name).encode() + b',"arguments":')
                if literal(text, json_value(text, at, parameters, {}), b"}\n") == len(text):
                    return "whole"
            except Unfinished:
                begun = True
            except Unfit:
                pass
        return "begun" if begun else None
