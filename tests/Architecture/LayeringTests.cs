namespace Jesus.Architecture;

public sealed class LayeringTests
{
    [Fact]
    public void No_source_file_uses_a_room_that_its_own_room_may_not_use()
    {
        var wrong = Repository.Sources("src").SelectMany(SourceReferences.Of)
            .Where(reference => !AllowedEdges.May(reference.From, reference.To))
            .Select(reference => $"{reference.File}:{reference.Line}: {reference.From} -> {reference.To}");
        Assert.Empty(wrong);
    }

    [Fact]
    public void Every_room_of_the_appliance_stands_in_the_table()
    {
        var rooms = Directory.EnumerateDirectories(Path.Combine(Repository.Root, "src/Appliance"))
            .Select(Path.GetFileName)
            .Where(name => name is not ("bin" or "obj"))
            .Select(name => $"Appliance.{name}")
            .Where(room => AllowedEdges.LayerOf(room) < 0);
        Assert.Empty(rooms);
    }

    [Fact]
    public void Deciders_do_no_input_or_output()
    {
        // Router, Scheduler, Pricing and the Ledger get time, randomness and capacity as arguments; the stores beside them are named here.
        string[] rooms = ["src/Appliance/Router", "src/Appliance/Pricing", "src/Appliance/Scheduler"];
        string[] forbidden = ["System.IO.", "System.Net.", "using System.IO;", "IDisk", "Stopwatch", "Environment.TickCount"];
        var wrong = rooms.Where(room => Directory.Exists(Path.Combine(Repository.Root, room)))
            .SelectMany(Repository.Sources)
            .SelectMany(path => forbidden.Where(word => File.ReadAllText(path).Contains(word, StringComparison.Ordinal))
                .Select(word => $"{Repository.Relative(path)}: {word}"));
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("Appliance.Gateway", "Appliance.Pipeline", true)]
    [InlineData("Appliance.Pipeline", "Appliance.Gateway", false)]
    [InlineData("Appliance.Router", "Appliance.Scheduler", false)]
    [InlineData("Appliance.Gateway", "Inference.Engine", false)]
    [InlineData("Inference.Engine", "Transport.Http", false)]
    [InlineData("Inference.Engine", "Transport.Buffers", true)]
    [InlineData("Inference.Adapters.OpenAiCompatible", "Inference.Engine", false)]
    [InlineData("Inference.Adapters.OpenAiCompatible", "Inference.Adapters.Shared", true)]
    [InlineData("Inference.Adapters.Shared", "Inference.Adapters.OpenAiCompatible", false)]
    [InlineData("Transport.Sse", "Inference.Contract", false)]
    public void The_table_answers_as_the_plan_says(string from, string to, bool allowed) =>
        Assert.Equal(allowed, AllowedEdges.May(from, to));
}
