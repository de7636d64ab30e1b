using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Jesus.Appliance.Tests.Gateway;

namespace Jesus.Appliance.Tests.Rescue;

/// <summary>One request to one of our APIs, and its answer without what differs from answer to answer.</summary>
/// <param name="Name">For messages.</param>
/// <param name="Path">Of the API.</param>
/// <param name="Body">JSON; the route is <c>r</c>.</param>
internal sealed partial record Ask(string Name, string Path, string Body)
{
    private const string Line = "Nov 22 14:03:11 web-3 sshd[2211]: Failed password for root";
    private const string Schema =
        """{"type":"object","properties":{"host":{"type":"string","maxLength":20},"n":{"type":"integer","maximum":99},"""
        + """ "words":{"type":"array","items":{"type":"string","maxLength":12},"minItems":3,"maxItems":4}},"required":["host","n","words"],"additionalProperties":false}""";

    private const string Parameters =
        """{"type":"object","properties":{"path":{"type":"string","maxLength":30},"lines":{"type":"integer","maximum":999}},"""
        + """ "required":["path","lines"],"additionalProperties":false}""";
    private const string Drawn = "\"temperature\":1.9,\"top_p\":0.98";
    private const string DrawnLess = "\"temperature\":1,\"top_p\":0.99";

    /// <summary>Free text, JSON and tool calls in each API, greedy, seeded, and drawn without a seed.</summary>
    public static readonly Ask[] All =
    [
        Chat("greedy text", "Tell me of yourself", "\"max_tokens\":60"),
        Chat("text drawn without a seed", "Write something", $"\"max_tokens\":60,{Drawn},\"stream_options\":{{\"include_usage\":true}}"),
        Chat("text with a seed, penalties, stops and log probabilities", "Write something",
            $"\"max_tokens\":60,{Drawn},\"seed\":7,\"frequency_penalty\":0.7,\"presence_penalty\":0.3,\"stop\":[\"zq\",\"the end\",\"e e\"],\"logprobs\":true"),
        Chat("JSON", $"Extract the fields of this log line.\\n{Line}",
            $"\"max_tokens\":200,{Drawn}"
            + $",\"response_format\":{{\"type\":\"json_schema\",\"json_schema\":{{\"name\":\"x\",\"schema\":{Schema}}}}}"
            + $",\"stream_options\":{{\"include_usage\":true}}"),
        Chat("a tool call", "Read the log",
            $"\"max_tokens\":200,{Drawn},\"seed\":3"
            + $",\"tools\":[{{\"type\":\"function\",\"function\":{{\"name\":\"file.read\",\"description\":\"reads\",\"parameters\":{Parameters}}}}}]"
            + $",\"tool_choice\":\"required\",\"stream_options\":{{\"include_usage\":true}}"),
        Messages("greedy text", "Tell me of yourself", "\"max_tokens\":60"),
        Messages("text drawn without a seed", "Write something", $"\"max_tokens\":60,{DrawnLess},\"stop_sequences\":[\"e e\"]"),
        Messages("a tool call", "Read the log",
            $"\"max_tokens\":200,{DrawnLess}"
            + $",\"tools\":[{{\"name\":\"file_read\",\"description\":\"reads\",\"input_schema\":{Parameters}}}]"
            + $",\"tool_choice\":{{\"type\":\"any\"}}"),
        Responses("greedy text", "Tell me of yourself", "\"max_output_tokens\":60"),
        Responses("text drawn without a seed", "Write something", $"\"max_output_tokens\":60,{Drawn}"),
        Responses("JSON", $"Extract the fields of this log line.\\n{Line}",
            $"\"max_output_tokens\":200,{Drawn}"
            + $",\"text\":{{\"format\":{{\"type\":\"json_schema\",\"name\":\"x\",\"schema\":{Schema}}}}}"),
        Responses("a tool call", "Read the log",
            $"\"max_output_tokens\":200,{Drawn}"
            + $",\"tools\":[{{\"type\":\"function\",\"name\":\"file_read\",\"description\":\"reads\",\"parameters\":{Parameters}}}]"
            + $",\"tool_choice\":\"required\""),
    ];

    /// <summary>Status and body, ids and times replaced.</summary>
    public async Task<string> SendAsync(GatewayFixture gateway, bool stream)
    {
        var body = stream ? Body : Body.Replace("\"stream\":true,", "", StringComparison.Ordinal).Replace(",\"stream_options\":{\"include_usage\":true}", "", StringComparison.Ordinal);
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await gateway.Http.PostAsync(Path, content);
        return $"{(int)response.StatusCode}\n{Same(await response.Content.ReadAsStringAsync())}";
    }

    public override string ToString() => $"{Path}, {Name}";

    private static Ask Chat(string name, string question, string more) =>
        new(name, "/v1/chat/completions", $"{{\"model\":\"r\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"{question}\"}}],{more}}}");

    private static Ask Messages(string name, string question, string more) =>
        new(name, "/v1/messages", $"{{\"model\":\"r\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"{question}\"}}],{more}}}");

    private static Ask Responses(string name, string question, string more) =>
        new(name, "/v1/responses", $"{{\"model\":\"r\",\"stream\":true,\"store\":false,\"input\":\"{question}\",{more}}}");

    private static string Same(string body) => Uncached(Times().Replace(Ids().Replace(body, "$1"), "$1"));

    /// <summary>
    /// How much of a prompt a box had cached is its own affair and truly differs from box to box and from ask to ask: the prompt's length must not.
    /// The Anthropic API counts cached tokens apart from the others, so their sum is compared.
    /// </summary>
    private static string Uncached(string body) => Split().Replace(
        Cached().Replace(body, "$1"),
        match => $"\"input_tokens\":{Number(match, "fresh") + Number(match, "read")}{match.Groups["written"].Value}");

    private static int Number(Match match, string group) => int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex("(chatcmpl|call|toolu|msg|resp|fc|rs|req|item)[-_][A-Za-z0-9_-]{8,}")]
    private static partial Regex Ids();

    [GeneratedRegex("(\"(?:created|created_at|completed_at)\":)[0-9.]+")]
    private static partial Regex Times();

    [GeneratedRegex("(\"cached_tokens\":)[0-9]+")]
    private static partial Regex Cached();

    [GeneratedRegex("\"input_tokens\":(?<fresh>[0-9]+)(?<written>,\"cache_creation_input_tokens\":[0-9]+),\"cache_read_input_tokens\":(?<read>[0-9]+)")]
    private static partial Regex Split();
}
