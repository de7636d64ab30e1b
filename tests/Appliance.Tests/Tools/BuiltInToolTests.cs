using System.Text;
using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Tools;

namespace Jesus.Appliance.Tests.Tools;

public sealed class BuiltInToolTests
{
    [Theory]
    [InlineData("1 + 2 * 3", "7")]
    [InlineData("(1 + 2) * 3", "9")]
    [InlineData("-2 ^ 2", "-4")]
    [InlineData("2 ^ 3 ^ 2", "512")]
    [InlineData("2 ** 10", "1024")]
    [InlineData("0.1 + 0.2", "0.3")]
    [InlineData("10 % 4", "2")]
    [InlineData("1,200 * 2", "2400")]
    [InlineData("max(1, 7, 3) - min(2, 1)", "6")]
    [InlineData("round(2.345, 2)", "2.35")]
    [InlineData("sqrt(144) + abs(-1)", "13")]
    [InlineData("100000000000 * 100000000000", "10000000000000000000000")]
    [InlineData("1 / 8", "0.125")]
    public async Task Calc_computes(string expression, string expected) =>
        Assert.Equal(expected, (await CallAsync("calc", $$"""{"expression":"{{expression}}"}""")).Value.GetProperty("result").GetRawText());

    [Theory]
    [InlineData("1 / 0", "division by zero")]
    [InlineData("1 +", "ends where a value is expected")]
    [InlineData("2 $ 3", "'$' at character 3")]
    [InlineData("foo(1)", "'foo' is unknown")]
    [InlineData("sqrt(-1)", "no square root")]
    [InlineData("10 ^ 40", "28 digits")]
    [InlineData("(1", "')' is missing")]
    public async Task Calc_says_what_is_wrong(string expression, string message) =>
        Assert.Contains(message, (await CallAsync("calc", $$"""{"expression":"{{expression}}"}""")).Error!, StringComparison.Ordinal);

    [Fact]
    public async Task Calc_survives_brackets_without_end() =>
        Assert.Contains("nest deeper", (await CallAsync("calc", $$"""{"expression":"{{new string('-', 900)}}1"}""")).Error!, StringComparison.Ordinal);

    [Fact]
    public async Task Clock_tells_the_time_of_a_zone()
    {
        var utc = await CallAsync("clock", "{}");
        Assert.Equal("2026-11-22T12:00:00Z", utc.Value.GetProperty("time").GetString());
        Assert.Equal("Sunday", utc.Value.GetProperty("weekday").GetString());
        Assert.Contains("no time zone 'Mars/Base'", (await CallAsync("clock", """{"zone":"Mars/Base"}""")).Error!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task File_read_returns_the_lines_asked_for()
    {
        var result = await CallAsync("file.read", """{"path":"log","first_line":2,"lines":2}""");
        Assert.Equal("two\nthree", result.Value.GetProperty("text").GetString());
        Assert.Equal(4, result.Value.GetProperty("total_lines").GetInt32());
    }

    [Theory]
    [InlineData("""{"path":"/etc/passwd"}""", "no text input '/etc/passwd'; it has log")]
    [InlineData("""{"path":"../log"}""", "no text input")]
    [InlineData("""{"path":"log","first_line":9}""", "the file has 4 lines")]
    [InlineData("""{"path":"log","first_line":0}""", "must be at least 1")]
    [InlineData("""{"pth":"log"}""", "lacks 'path'")]
    public async Task File_read_reaches_nothing_but_the_inputs(string arguments, string message) =>
        Assert.Contains(message, (await CallAsync("file.read", arguments)).Error!, StringComparison.Ordinal);

    [Fact]
    public async Task Text_search_counts_all_and_lists_up_to_its_limit()
    {
        var result = await CallAsync("text.search", """{"path":"log","pattern":"O|E","limit":2}""");
        Assert.Equal(4, result.Value.GetProperty("count").GetInt32());
        Assert.Equal("[\"one\",\"two\"]", result.Value.GetProperty("lines").GetRawText());
        Assert.Equal("[1,2]", result.Value.GetProperty("numbers").GetRawText());
        Assert.True(result.Value.GetProperty("truncated").GetBoolean());
    }

    [Theory]
    [InlineData("(", "cannot be used")]
    [InlineData("(?=a)", "cannot be used")]
    public async Task Text_search_refuses_patterns_that_could_run_for_ever(string pattern, string message) =>
        Assert.Contains(message, (await CallAsync("text.search", $$"""{"path":"log","pattern":"{{pattern}}"}""")).Error!, StringComparison.Ordinal);

    [Fact]
    public async Task Text_join_makes_one_text_of_values_and_lists()
    {
        Assert.Equal("a\nb\n3\n{\"c\":1}", (await CallAsync("text.join", """{"parts":["a",["b",3],null,{"c":1}]}""")).Value.GetString());
        Assert.Equal("a, b", (await CallAsync("text.join", """{"parts":["a","b"],"separator":", "}""")).Value.GetString());
    }

    [Fact]
    public async Task Note_append_keeps_to_names_and_lines()
    {
        Assert.Equal(6, (await CallAsync("note.append", """{"note":"n1","line":"hello"}""")).Value.GetProperty("bytes").GetInt64());
        Assert.Contains("no name of a note", (await CallAsync("note.append", """{"note":"../x","line":"hello"}""")).Error!, StringComparison.Ordinal);
        Assert.Contains("no line break", (await CallAsync("note.append", """{"note":"x","line":"a\nb"}""")).Error!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"type":"integer"}""", "1.5", "must be integer")]
    [InlineData("""{"type":["string","null"]}""", "5", "must be string or null")]
    [InlineData("""{"enum":["a","b"]}""", "\"c\"", "must be one of")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}""", "{\"b\":1}", "lacks 'a'; the value may not have 'b'")]
    [InlineData("""{"type":"array","items":{"type":"number"},"maxItems":2}""", "[1,2,3]", "at most 2 members")]
    [InlineData("""{"type":"array","items":{"type":"number"}}""", "[1,\"x\"]", "'[1]' must be number")]
    [InlineData("""{"type":"string","minLength":2}""", "\"a\"", "at least 2 characters")]
    [InlineData("""{"minimum":3}""", "2", "at least 3")]
    [InlineData("""{"anyOf":[{"type":"string"},{"type":"number"}]}""", "true", "none of the 2")]
    [InlineData("""{"type":"string","x-span-of":"line"}""", "\"zzz\"", "a piece of the input 'line'")]
    public void A_value_that_does_not_fit_its_schema_is_named(string schema, string value, string message)
    {
        var problems = SchemaValidator.Validate(Json(schema), Json(value), new Dictionary<string, string> { ["line"] = "one two" });
        Assert.Contains(message, string.Join("; ", problems), StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_that_fits_has_no_problems()
    {
        var schema = Json("""
            {"type":"object","properties":{"n":{"type":"integer","minimum":1},"s":{"type":"string","x-span-of":"line"}},"required":["n"],"additionalProperties":false}
            """);
        Assert.Empty(SchemaValidator.Validate(schema, Json("""{"n":2,"s":"two"}"""), new Dictionary<string, string> { ["line"] = "one two" }));
        Assert.Empty(SchemaValidator.ProblemsOf(schema));
    }

    private static JsonElement Json(string text) => JsonValues.Parse(Encoding.UTF8.GetBytes(text));

    private static ValueTask<ToolResult> CallAsync(string tool, string arguments) => ToolSet.CallAsync(
        ToolSet.BuiltIn.Find(tool)!,
        Json(arguments),
        new ToolContext { RunId = "r1", Time = new FixedTime(), Texts = new Texts(), Notes = new Notes() },
        CancellationToken.None);

    private sealed class Texts : IRunTexts
    {
        public IReadOnlyList<string> Names => ["log"];

        public string? Read(string name) => name == "log" ? "one\ntwo\r\nthree\nfoeur\n" : null;
    }

    private sealed class Notes : IRunNotes
    {
        public long Append(string runId, string note, string line) => line.Length + 1;
    }
}
