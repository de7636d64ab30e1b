using System.Runtime.CompilerServices;
using System.Text;
using Jesus.Appliance.Gateway;
using Jesus.Appliance.Gateway.OpenAi;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Gateway.OpenAi;

public sealed class FieldTableTests
{
    private static readonly FieldTable[] Tables = [FieldTables.Chat, FieldTables.Completions, FieldTables.Embeddings, FieldTables.Rerank];

    /// <summary>What OpenAI's own types have (npm openai 7.57.0), so that a field forgotten here is noticed.</summary>
    private static readonly string[] ChatOfOpenAi =
    [
        "messages", "model", "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens", "max_tokens", "metadata",
        "modalities", "moderation", "n", "parallel_tool_calls", "prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
        "reasoning_effort", "response_format", "safety_identifier", "seed", "service_tier", "stop", "store", "stream", "stream_options", "temperature", "tool_choice",
        "tools", "top_logprobs", "top_p", "user", "verbosity", "web_search_options",
    ];

    [Fact]
    public void The_documentation_shows_the_tables_that_the_code_reads_by()
    {
        var page = File.ReadAllText(Path.Combine(Root(), "docs/api-openai.md"));
        foreach (var table in Tables)
        {
            Assert.True(page.Contains(Markdown(table), StringComparison.Ordinal), $"docs/api-openai.md must hold this table of {table.Path}:\n\n{Markdown(table)}");
        }
    }

    [Fact]
    public void No_field_of_openais_chat_api_is_unknown() =>
        Assert.Empty(ChatOfOpenAi.Except(FieldTables.Chat.Rules.Select(rule => rule.Name), StringComparer.Ordinal));

    [Fact]
    public void A_field_without_a_reader_is_forwarded_taken_or_refused_as_its_table_says()
    {
        foreach (var rule in FieldTables.Chat.Rules.Where(rule => rule.Field == RequestField.None))
        {
            var request = new ModelRequest();
            var body = $$"""{"model":"m","messages":[{"role":"user","content":"x"}],"{{rule.Name}}":{ } }""";
            var failure = ChatRequestParser.Parse(Encoding.UTF8.GetBytes(body), request, new GatewayOptions(), out _);
            Assert.Equal(rule.Support == FieldSupport.Refused ? rule.Name : null, failure.Param);
            Assert.Equal(rule.Support == FieldSupport.Forwarded ? rule.Name : "", request.VerbatimOnly);
        }
    }

    private static string Markdown(FieldTable table)
    {
        var text = new StringBuilder($"| `{table.Path}` | | |\n|---|---|---|\n");
        foreach (var rule in table.Rules)
        {
            var support = rule.Support.ToString();
            text.Append('|').Append($" `{rule.Name}` | {char.ToLowerInvariant(support[0])}{support[1..]} | {rule.Note}".TrimEnd()).Append(" |\n");
        }

        return text.ToString();
    }

    private static string Root([CallerFilePath] string file = "")
    {
        var folder = new DirectoryInfo(Path.GetDirectoryName(file)!);
        while (!File.Exists(Path.Combine(folder.FullName, "Jesus.sln")))
        {
            folder = folder.Parent!;
        }

        return folder.FullName;
    }
}
