using System.Runtime.CompilerServices;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Runner.Workflows;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Runner;

public sealed class ExamplesTests
{
    private static readonly string Folder = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "../../../examples"));

    [Fact]
    public void Every_example_is_accepted()
    {
        string[] files = Directory.GetFiles(Folder, "*.yaml", SearchOption.AllDirectories);
        Assert.InRange(files.Length, 4, 100);
        foreach (var file in files)
        {
            Assert.Empty(WorkflowParser.Parse(File.ReadAllBytes(file), Path.GetFileName(file), Beside(file)).Errors);
        }
    }

    [Fact]
    public async Task Triage_finds_judges_and_reports()
    {
        using var rig = new RunnerRig(Answer);
        var view = await RunAsync(rig, "triage/triage.yaml", ("log", RunInput.FromFile(File.ReadAllBytes(Path.Combine(Folder, "triage/system.log")))));
        Assert.True(view.State == RunStateName.Succeeded, view.Error);
        var outputs = view.Outputs!.Value;
        Assert.Contains("6 of 48 lines look suspicious.\nHow many do not? The result is 42", outputs.GetProperty("report").GetString(), StringComparison.Ordinal);
        Assert.Equal(4, outputs.GetProperty("report").GetString()!.Split("A sentence.").Length - 1);
        Assert.Equal(4, outputs.GetProperty("findings").GetArrayLength());
        Assert.Equal("sshd", outputs.GetProperty("findings")[0].GetProperty("component").GetString());
        Assert.Equal(["findings.json", "report.md"], view.Artifacts!.Select(artifact => artifact.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Triage_of_an_empty_log_says_so()
    {
        using var rig = new RunnerRig(Answer);
        var view = await RunAsync(rig, "triage/triage.yaml", ("log", RunInput.FromFile(ReadOnlyMemory<byte>.Empty)));
        Assert.True(view.State == RunStateName.Succeeded, view.Error);
        Assert.Contains("0 of 0 lines look suspicious.", view.Outputs!.Value.GetProperty("report").GetString(), StringComparison.Ordinal);
        Assert.Empty(rig.Model.Asked);
    }

    [Fact]
    public async Task Inventory_runs_its_sub_workflow_for_each_box()
    {
        using var rig = new RunnerRig();
        var view = await RunAsync(rig, "subrun/inventory.yaml", ("boxes", RunInput.FromText("""[{"name":"a","disks":4,"size":1.92},{"name":"b","disks":2,"size":3.5}]""")));
        Assert.True(view.State == RunStateName.Succeeded, view.Error);
        Assert.Equal("""{"boxes":[{"name":"a","terabytes":7.68},{"name":"b","terabytes":7}]}""", view.Outputs!.Value.GetRawText());
    }

    private static FakeAnswer Answer(ModelRequest request)
    {
        var text = FakeModel.LastText(request);
        return request.Turns[request.Turns.Count - 1].Role == TurnRole.Tool ? new FakeAnswer($"The result is {text}")
            : request.Tools.Count > 0 ? new FakeAnswer($$"""{"expression":"{{text["What is ".Length..^1]}}"}""", Tool: "calc")
            : text.StartsWith("Judge", StringComparison.Ordinal) ? new FakeAnswer($$"""{"severity":"error","component":"{{Tag(text)}}"}""")
            : text.StartsWith("Extract", StringComparison.Ordinal) ? new FakeAnswer($$"""{"time":"","host":"box-7","component":"{{Tag(text)}}","message":""}""")
            : new FakeAnswer("A sentence.");
    }

    /// <summary>The fifth word up to its bracket or colon: the tag of a syslog line.</summary>
    private static string Tag(string text) => text.Split('\n')[1].Split(' ')[4].Split('[', ':')[0];

    private static async Task<RunView> RunAsync(RunnerRig rig, string file, params (string Name, RunInput Value)[] inputs)
    {
        var path = Path.Combine(Folder, file);
        var result = await rig.Service.SubmitAsync(
            new RunSubmission
            {
                Workflow = File.ReadAllBytes(path),
                FileName = Path.GetFileName(file),
                Files = Beside(path),
                Inputs = inputs.ToDictionary(input => input.Name, input => input.Value),
            },
            RunnerRig.Alice,
            CancellationToken.None);
        Assert.True(result.Accepted, result.Message);
        return await rig.EndAsync(result.RunId);
    }

    private static Dictionary<string, ReadOnlyMemory<byte>> Beside(string file) =>
        Directory.GetFiles(Path.GetDirectoryName(file)!, "*.yaml").ToDictionary(path => Path.GetFileName(path), path => (ReadOnlyMemory<byte>)File.ReadAllBytes(path));

    private static string Here([CallerFilePath] string file = "") => file;
}
