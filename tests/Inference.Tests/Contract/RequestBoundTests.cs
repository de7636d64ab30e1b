using System.Text;
using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Templates;

namespace Jesus.Inference.Tests.Contract;

public sealed class RequestBoundTests(ITestOutputHelper log)
{
    private const int Requests = 400;

    /// <summary>What wastes the most bytes: everything as JSON, indented, with a preamble of its own.</summary>
    private static readonly string[] Templates =
    [
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content | tojson }}{{ m.reasoning_content }}"
            + "{% for c in m.tool_calls %}<tool_call>{{ c | tojson(indent=4) }}</tool_call>{% endfor %}"
            + "{{ m.tool_call_id }}<|im_end|>\n{% endfor %}",
        "{% if tools %}# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
            + "You are provided with function signatures within <tools></tools> XML tags:\n<tools>"
            + "{% for tool in tools %}\n{{ tool | tojson(indent=4) }}{% endfor %}\n</tools>{% endif %}"
            + "{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content }}<|eot_id|>{% endfor %}",
        "{{ tools | tojson }}{% for m in messages %}{{ m | tojson }}{% endfor %}",
    ];

    /// <summary>No tokenizer makes more tokens than bytes, so the bytes of the prompt are what must not be passed.</summary>
    [Fact]
    public void A_request_has_no_more_bytes_once_it_is_rendered_than_its_bound_says()
    {
        var seed = TestSeed.Next(log);
        var random = new Random(seed);
        var templates = Templates.Select(Compile).ToArray();
        var output = new TemplateOutput();
        for (var i = 0; i < Requests; i++)
        {
            var request = RequestOf(random);
            var bound = RequestBound.Tokens(request);
            foreach (var template in templates)
            {
                Assert.True(template.TryRender(request, new TemplateSettings(true, "<s>", "</s>"), output, out var error), error.Message);
                Assert.True(output.Bytes.Length <= bound, $"seed {seed}, request {i}: {output.Bytes.Length} bytes, {bound} bound:\n{Encoding.UTF8.GetString(output.Bytes)}");
            }

            request.Text.Dispose();
        }
    }

    [Fact]
    public void A_prompt_of_tokens_counts_them_and_nothing_else()
    {
        var request = new ModelRequest { PromptTokens = new int[7], ShownTokens = new int[3] };
        request.Turns.Add(TurnRole.User, request.Text.Copy("not rendered"));
        Assert.Equal(10, RequestBound.Tokens(request));
    }

    [Fact]
    public void A_copy_asks_for_what_the_other_asks_for_to_the_version_of_its_body()
    {
        var request = new ModelRequest { Model = default };
        request.Betas = request.Text.Copy("beta");
        request.BodyVersion = request.Text.Copy("2023-06-01");
        var copy = new ModelRequest();
        copy.CopyFrom(request);
        Assert.Equal(("beta", "2023-06-01"), (copy.Betas.ToString(), copy.BodyVersion.ToString()));
    }

    private static ChatTemplate Compile(string source)
    {
        Assert.True(ChatTemplate.TryCompile(source, JsonSpacing.Spaced, out var template, out var error), error.Message);
        return template;
    }

    private static ModelRequest RequestOf(Random random)
    {
        var request = new ModelRequest();
        for (var turns = random.Next(1, 6); turns > 0; turns--)
        {
            var role = (TurnRole[])[TurnRole.System, TurnRole.User, TurnRole.Assistant, TurnRole.Tool];
            var chosen = role[random.Next(role.Length)];
            request.Turns.Begin(chosen);
            for (var parts = random.Next(1, 4); parts > 0; parts--)
            {
                var kind = chosen switch
                {
                    TurnRole.Tool => PartKind.ToolResult,
                    TurnRole.Assistant => random.Next(3) switch { 0 => PartKind.ToolCall, 1 => PartKind.Reasoning, _ => PartKind.Text },
                    _ => PartKind.Text,
                };
                var text = kind == PartKind.ToolCall ? JsonOf(random, random.Next(5)) : TextOf(random, random.Next(200));
                var (id, name) = (request.Text.Copy(TextOf(random, random.Next(12))), request.Text.Copy(TextOf(random, random.Next(12))));
                request.Turns.Add(new TurnPart(kind, request.Text.Copy(text), id, name));
            }
        }

        for (var tools = random.Next(0, 4); tools > 0; tools--)
        {
            request.Tools.Add(new ToolDefinition(
                request.Text.Copy(TextOf(random, random.Next(20))), request.Text.Copy(TextOf(random, random.Next(100))), request.Text.Copy(JsonOf(random, random.Next(7)))));
        }

        return request;
    }

    /// <summary>Many quotes, controls and characters of several bytes.</summary>
    private static string TextOf(Random random, int length)
    {
        const string odd = "\"\\\n\t\u0001\u001f/<>&'äß€漢🙂";
        var text = new StringBuilder();
        for (var runes = odd.EnumerateRunes().ToArray(); length > 0; length--)
        {
            _ = random.Next(2) == 0 ? text.Append((char)random.Next('a', 'z' + 1)) : text.Append(runes[random.Next(runes.Length)]);
        }

        return text.ToString();
    }

    /// <summary>Compact, nested, with empty containers.</summary>
    private static string JsonOf(Random random, int depth)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            for (var members = random.Next(0, 5); members > 0; members--)
            {
                json.WritePropertyName($"{members}{TextOf(random, 4)}");
                Write(json, random, depth);
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static void Write(Utf8JsonWriter json, Random random, int depth)
    {
        switch (depth == 0 ? random.Next(4) : random.Next(6))
        {
            case 0:
                json.WriteNumberValue(random.Next(-1_000, 1_000));
                break;
            case 1:
                json.WriteBooleanValue(random.Next(2) == 0);
                break;
            case 2:
                json.WriteNullValue();
                break;
            case 3:
                json.WriteStringValue(TextOf(random, random.Next(20)));
                break;
            default:
                json.WriteStartArray();
                for (var items = random.Next(0, 4); items > 0; items--)
                {
                    Write(json, random, depth - 1);
                }

                json.WriteEndArray();
                break;
        }
    }
}
