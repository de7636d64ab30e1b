"""The chat template of jesus-nano, in the one place that fixes it byte for byte.

`TEMPLATE` goes into the GGUF file (tokenizer.chat_template); `render` is the same thing in Python, which also says
which parts are literal (control tokens count) and which are content (they do not).
"""
import json

TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and tools %}"
    "{{ '<|im_start|>system\\n' }}"
    "{% if message.role == 'system' %}{{ message.content }}{{ '\\n' }}{% endif %}"
    "{{ '<tools>\\n' }}"
    "{% for tool in tools %}"
    "{{ '{\"name\":' }}{{ tool.function.name | tojson }}"
    "{{ ',\"description\":' }}{{ tool.function.description | tojson }}"
    "{{ ',\"parameters\":' }}{{ tool.function.parameters | tojson }}{{ '}\\n' }}"
    "{% endfor %}"
    "{{ '</tools><|im_end|>\\n' }}"
    "{% elif message.role == 'system' %}"
    "{{ '<|im_start|>system\\n' }}{{ message.content }}{{ '<|im_end|>\\n' }}"
    "{% endif %}"
    "{% if message.role == 'user' %}"
    "{{ '<|im_start|>user\\n' }}{{ message.content }}{{ '<|im_end|>\\n' }}"
    "{% elif message.role == 'assistant' %}"
    "{{ '<|im_start|>assistant\\n' }}"
    "{% if message.content %}{{ message.content }}{% endif %}"
    "{% if message.tool_calls %}"
    "{% for call in message.tool_calls %}"
    "{{ '<tool_call>\\n{\"name\":' }}{{ call.function.name | tojson }}"
    "{{ ',\"arguments\":' }}{{ call.function.arguments | tojson }}{{ '}\\n</tool_call>' }}"
    "{% endfor %}"
    "{% endif %}"
    "{{ '<|im_end|>\\n' }}"
    "{% elif message.role == 'tool' %}"
    "{{ '<|im_start|>tool\\n<tool_response>\\n' }}{{ message.content }}{{ '\\n</tool_response><|im_end|>\\n' }}"
    "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def compact(value):
    """JSON as the template's `tojson` writes it: no spaces, keys in the given order, only the escapes JSON demands."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def call_text(name, arguments):
    return '\n{"name":' + compact(name) + ',"arguments":' + compact(arguments) + "}\n"


def render(messages, tools=None, generate=True):
    """The pieces of the rendered text as (text, is_literal); joined, they are what TEMPLATE renders."""
    pieces = []

    def literal(text):
        pieces.append((text, True))

    def content(text):
        pieces.append((text, False))

    for index, message in enumerate(messages):
        role = message["role"]
        if index == 0 and tools:
            literal("<|im_start|>system\n")
            if role == "system":
                content(message["content"])
                literal("\n")
            literal("<tools>\n")
            for tool in tools:
                function = tool["function"]
                for key in ("name", "description", "parameters"):
                    literal(('{"' if key == "name" else ',"') + key + '":')
                    content(compact(function[key]))
                literal("}\n")
            literal("</tools><|im_end|>\n")
        elif role == "system":
            literal("<|im_start|>system\n")
            content(message["content"])
            literal("<|im_end|>\n")
        if role == "user":
            literal("<|im_start|>user\n")
            content(message["content"])
            literal("<|im_end|>\n")
        elif role == "assistant":
            literal("<|im_start|>assistant\n")
            if message.get("content"):
                content(message["content"])
            for call in message.get("tool_calls") or []:
                literal('<tool_call>\n{"name":')
                content(compact(call["function"]["name"]))
                literal(',"arguments":')
                content(compact(call["function"]["arguments"]))
                literal("}\n</tool_call>")
            literal("<|im_end|>\n")
        elif role == "tool":
            literal("<|im_start|>tool\n<tool_response>\n")
            content(message["content"])
            literal("\n</tool_response><|im_end|>\n")
    if generate:
        literal("<|im_start|>assistant\n")
    return pieces
