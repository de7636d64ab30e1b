using System.Text.Json;
using Jesus.Inference.Engine.Templates;

namespace Jesus.Inference.Tests.Engine.Templates;

public sealed class JinjaGoldenTests
{
    public static IEnumerable<TheoryDataRow<int>> Cases() => Enumerable.Range(0, Golden().GetProperty("cases").GetArrayLength()).Select(i => new TheoryDataRow<int>(i));

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_template_renders_as_Jinja_renders_it(int index)
    {
        var golden = Golden();
        var one = golden.GetProperty("cases")[index];
        var withTools = one.GetProperty("tools").GetBoolean();
        using var request = new TestRequest();
        request.AddMessages(golden.GetProperty("messages"));
        if (withTools)
        {
            request.AddTools(golden.GetProperty("tools"));
        }

        var source = one.GetProperty("template").GetString()!;
        Assert.True(ChatTemplate.TryCompile(source, JsonSpacing.Spaced, out var template, out var error), error.Message);
        var output = new TemplateOutput();
        var rendered = template.TryRender(request.Request, new TemplateSettings(withTools, "<s>", "</s>"), output, out error);
        Assert.True(rendered, $"{error.Message}\n{source}");
        Assert.Equal(one.GetProperty("expected").GetString(), System.Text.Encoding.UTF8.GetString(output.Bytes));
    }

    private static JsonElement Golden()
    {
        using var stream = typeof(JinjaGoldenTests).Assembly.GetManifestResourceStream("jinja-golden.json")!;
        using var document = JsonDocument.Parse(stream);
        return document.RootElement.Clone();
    }
}
