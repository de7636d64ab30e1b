using Jesus.Appliance.Gateway.Anthropic;

namespace Jesus.Appliance.Tests.Gateway.Anthropic;

/// <summary><c>docs/api-anthropic.md</c> says what the code's own tables say.</summary>
public sealed class ApiDocumentTests
{
    [Fact]
    public void The_page_names_every_field_with_what_becomes_of_it() => Assert.Equal(
        MessageFields.All.Select(field => $"`{field.Name}` | {Say(field.Treatment)} | {(field.Counts ? "yes" : "no")}"), Rows("### Fields"));

    [Fact]
    public void The_page_names_every_content_block() => Assert.Equal(
        MessageFields.Blocks.Select(block => $"`{block.Type}` | {Say(block.Treatment)}"), Rows("### Content blocks"));

    [Fact]
    public void The_page_names_every_beta_that_is_honoured() => Assert.Equal(MessageFields.HonouredBetas.Select(beta => $"`{beta}`"), Rows("### Headers"));

    [Fact]
    public void The_page_names_the_versions_and_the_headers_that_are_refused()
    {
        var page = Page();
        Assert.All(AnthropicHeaders.Versions.Concat(AnthropicHeaders.Refused), name => Assert.Contains($"`{name}`", page, StringComparison.Ordinal));
    }

    private static string Say(Treatment treatment) => treatment == Treatment.Honoured ? "honoured" : "forwarded only";

    /// <summary>The rows of the first table after a heading, without its head.</summary>
    private static IEnumerable<string> Rows(string heading) => Page().Split('\n').SkipWhile(line => line != heading).Skip(1)
        .TakeWhile(line => !line.StartsWith('#')).Where(line => line.StartsWith("| `", StringComparison.Ordinal)).Select(line => line[2..^2]);

    private static string Page()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Jesus.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return File.ReadAllText(Path.Combine(folder, "docs/api-anthropic.md"));
    }
}
