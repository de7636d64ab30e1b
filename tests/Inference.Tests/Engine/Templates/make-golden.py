"""Writes jinja-golden.json: small templates rendered by Jinja2 (3.1) the way Transformers sets it up. Run it after adding a case."""
import json
import pathlib

from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

MESSAGES = [
    {"role": "system", "content": "Be brief.\n"},
    {"role": "user", "content": "  Grüße, <|im_end|> \"you\"\\\n "},
    {"role": "assistant", "content": "<think>\nhm\n</think>\n\nfine", "tool_calls": [
        {"type": "function", "function": {"name": "calc", "arguments": {"expression": "1+1", "deep": [1, 2.5, None, True, {}, []], "ctl": "\u0001\t\u007f"}}}]},
    {"role": "tool", "content": "2", "tool_call_id": "a1"},
    {"role": "user", "content": "bye"},
]
TOOLS = [
    {"type": "function", "function": {"name": "calc", "description": "Calculates.", "parameters": {
        "type": "object", "properties": {"expression": {"type": "string", "description": "größer"}}, "required": ["expression"]}}},
    {"type": "function", "function": {"name": "clock", "description": "", "parameters": {"type": "object", "properties": {}}}},
]

# A ChatML template with tools in the Hermes form, one with Llama 3's headers, one with Mistral's brackets, one with reasoning cut away, and one feature a line.
CHATML = """\
{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content + '\\n\\n' }}
    {%- endif %}
    {{- "# Tools\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {%- if message.content %}
            {{- '\\n' + message.content }}
        {%- endif %}
        {%- for tool_call in message.tool_calls %}
            {%- if tool_call.function is defined %}
                {%- set tool_call = tool_call.function %}
            {%- endif %}
            {{- '\\n<tool_call>\\n{"name": "' }}
            {{- tool_call.name }}
            {{- '", "arguments": ' }}
            {{- tool_call.arguments | tojson }}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}
        {{- message.content }}
        {{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""
HEADERS = """\
{{- bos_token }}
{%- if custom is defined %}
    {%- set tools = custom %}
{%- endif %}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}{%- set date_string = strftime_now("%d") %}{%- else %}{%- set date_string = "26 Jul 2024" %}{%- endif %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" + system_message + "<|eot_id|>" }}
{#- Tools go with the first user message. #}
{%- if tools is not none and messages | length != 0 %}
    {%- set first_user_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
    {{- first_user_message + "<|eot_id|>"}}
{%- endif %}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("This model only supports single tool-calls at once!") }}
        {%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {%- for arg_name, arg_val in tool_call.arguments | items %}
            {%- if arg_val is string %}
                {{- arg_name + '="' + arg_val + '"' }}
            {%- endif %}
            {%- if not loop.last %}
                {{- ", " }}
            {%- endif %}
        {%- endfor %}
    {%- else %}
        {%- if message.content is mapping or message.content is iterable %}
            {{- message.content | tojson }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
"""
BRACKETS = """\
{% set ns = namespace(index=0, last=-1) %}
{% set loop_messages = messages[1:] if messages[0]['role'] == 'system' else messages %}
{% for message in loop_messages %}
  {% if message.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}
{% endfor %}
{{ bos_token }}{% for message in loop_messages if message.role != 'tool' %}
{% if loop.index0 == ns.last and tools %}[TOOLS]{{ tools | map(attribute='function') | map(attribute='name') | join(', ') }}[/TOOLS]{% endif %}
{% if message['role'] == 'user' %}
{{ '[INST] ' ~ message['content'] ~ ' [/INST]' }}
{% elif message['role'] == 'assistant' %}
{{ ' ' ~ message['content'] ~ eos_token }}
{% else %}
{{ raise_exception('Only user and assistant roles are supported!') }}
{% endif %}
{%- set ns.index = ns.index + 1 -%}
{% endfor %}
{{ ns.index }} {{ ns.last }}
"""
REASONING = """\
{%- macro render(message, open='<|', close='|>') -%}
{{ open ~ message.role ~ close }}{{ caller_note | default('none') }}
{%- endmacro -%}
{%- for message in messages[::-1] %}
    {%- set content = message.content %}
    {%- if '</think>' in content %}
        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
    {%- endif %}
    {{- render(message) }}{{ render(message, close=']') }}{{ content.strip() | lower }}
    {%- if loop.index > 3 %}{% break %}{% endif %}
{%- endfor %}
"""
LINES = [
    "{{ messages | length }} {{ messages[-1].content[1:] }} {{ messages[1].content[2:7] }} {{ 'abc'[-2:] }} {{ 'äöü'[1] }}",
    "{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 * 3 + 4 }} {{ 'ab' * 3 }} {{ (1 + 2) ~ 3 }} {{ 1.5 + 1 }}",
    "{{ 1 < 2 < 3 }} {{ 1 == 1.0 }} {{ 'a' != 'b' }} {{ 'a' < 'b' }} {{ not 1 }} {{ 1 and 'x' }} {{ 0 or 'y' }} {{ none }} {{ true }}",
    "{{ 'x' if false }}|{{ 'x' if messages else 'y' }}|{{ undefined_name }}|{{ messages[0].missing }}|{{ messages[9] is defined }}",
    "{{ 'a,b,,c'.split(',') | join('-') }} {{ ' a  b '.split() | join('-') }} {{ 'a,b,c'.split(',', 1) | last }} {{ 'xxaxx'.strip('x') }} {{ 'xxaxx'.rstrip('x') }}",
    "{{ 'Hello World' | lower }} {{ 'hello wORLD' | title }} {{ 'hELLO' | capitalize }} {{ 'Grön' | upper }} {{ 'a-b-a'.replace('a', 'z') }}",
    "{{ messages[1].content | tojson }} {{ messages | tojson }} {{ tools | tojson(separators=(',', ':')) }} {{ {'a': [1, 'x']} | tojson }}",
    "{{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ messages | rejectattr('role', 'in', ['user', 'tool']) | map(attribute='role') | join(' ') }}",
    "{{ messages | map(attribute='content') | map('trim') | join('|') }} {{ messages | map(attribute='role') | unique | join(',') }}",
    "{% for k, v in {'b': 1, 'a': 2}.items() %}{{ k }}={{ v }}{{ ';' if not loop.last }}{% else %}none{% endfor %}{% for x in [] %}{% else %}empty{% endfor %}",
    "{% for x in range(5) %}{% if x == 1 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ loop.index }}:{{ x }}:{{ loop.revindex }} {% endfor %}",
    "{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }} {% set y %}a{{ x }}b{% endset %}{{ y }} {% set a, b = 1, 2 %}{{ b }}{{ a }}",
    "{{ 3 is odd }} {{ 4 is even }} {{ 9 is divisibleby 3 }} {{ 'a' is string }} {{ [] is sequence }} {{ {} is mapping }} {{ none is none }} {{ x is not defined }} {{ 1 is number }}",
    "{{ 'a' in 'cat' }} {{ 'role' in messages[0] }} {{ 2 not in [1, 3] }} {{ messages[0].get('role') }} {{ messages[0].get('nope', 'd') }} {{ ([1, 2] + [3]) | length }}",
    "a  {%- if true -%}  b  {%- endif %}  c\n  {% if true %}\n  d\n  {% endif %}\ne {# note #}\n{{ 'f' }}\n",
    "  {%+ if true %}x{% endif +%}\n y {% raw %}{{ not }} {% {% endraw %} z\n\n",
    "{{ '\\u00e9\\x41\\n\\'q\\'' }} {{ \"it's\" }} {{ 'a' 'b' }} {{ ('p') }} {{ (1, 2) | length }} {{ ['z', 'y'] | first }} {{ [1, 2, 3][1:] | reverse | list | join }}",
    "{{ '5' | int + 1 }} {{ 'x' | int(7) }} {{ '2.5' | float }} {{ -3 | abs }} {{ 'one\ntwo\n\nthree' | indent(2) }} {{ '' | default('e', true) }} {{ nope | d('f') }}",
    "{{ 'a\nb\n'.splitlines() | join('+') }} {{ 'abc'.find('c') }} {{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }} {{ ', '.join(['p', 'q']) }}",
    "{% macro m(a, b=2) %}[{{ a }}{{ b }}]{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(b=5, a=4) }}{% generation %}g{% endgeneration %}",
    "{{ {'k': none, 'f': 1.0, 'u': 'ü', 'q': '\"'} | tojson(indent=2) }} {{ [] | tojson(indent=2) }} {{ {} | tojson }}",
    "{%- for m in messages if m.role == 'user' -%}{{ loop.index }}/{{ loop.length }} {{ loop.previtem.role if loop.previtem is defined }} {% endfor -%} end",
    "{{ 'one \\\n two' }} {% for k, v in messages[2].tool_calls[0].function.items() if k != 'name' %}{{ k }} {{ v is string }}{% endfor %}",
    "{% macro text(c) %}{{- c }}{% endmacro %}{{ '/no' if (flag is defined and not flag and not text('a').endswith('/no')) else '' }}{{ text('a/no').endswith('/no') }}",
    "{% set kept = [] %}{% for m in messages %}{% set kept = kept + [m] %}{% endfor %}{{ kept | length }} {{ messages[3].content.content is defined }} {{ (tools | tojson)[:-1] }}",
    "{{ messages[4] == (messages | selectattr('role', 'equalto', 'user') | list)[-1] }} {{ messages[3].tool_call_id[-9:] }} {{ (messages[0].role == 'user') != (0 % 2 == 0) }}",
    "{{ messages[0].content is string and messages[0].content is not none }}{{ ' x ' | trim ~ '.' }}{{ messages[0]['content'] | trim | length }}",
]


def environment():
    from jinja2.ext import Extension

    class Generation(Extension):
        tags = {"generation"}

        def parse(self, parser):
            next(parser.stream)
            return parser.parse_statements(["name:endgeneration"], drop_needle=True)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def raise_exception(message):
        raise ValueError(message)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    return env


def main():
    cases = []
    for template in [CHATML, HEADERS, BRACKETS, REASONING, *LINES]:
        for tools in (TOOLS, None):
            values = {"messages": MESSAGES, "tools": tools, "add_generation_prompt": tools is not None, "bos_token": "<s>", "eos_token": "</s>"}
            cases.append({"template": template, "tools": tools is not None, "expected": environment().from_string(template).render(**values)})
    golden = {"messages": MESSAGES, "tools": TOOLS, "cases": cases}
    pathlib.Path(__file__).with_name("jinja-golden.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


main()
