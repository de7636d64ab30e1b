using System.Text.Json.Serialization;
using Jesus.Appliance.Runner.Workflows;

namespace Jesus.Appliance.Runner.Views;

/// <summary>Reads and writes the views as JSON: snake_case, absent instead of null, no reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(RunStateNameConverter), typeof(StepStateNameConverter), typeof(RunReplyCodeConverter)])]
[JsonSerializable(typeof(RunView))]
[JsonSerializable(typeof(RunPage))]
[JsonSerializable(typeof(RunReply))]
[JsonSerializable(typeof(RunEventView))]
[JsonSerializable(typeof(RunExplanation))]
[JsonSerializable(typeof(ArtifactView))]
[JsonSerializable(typeof(IReadOnlyList<ArtifactView>))]
[JsonSerializable(typeof(IReadOnlyList<WorkflowError>))]
public sealed partial class RunJson : JsonSerializerContext;

internal sealed class RunStateNameConverter()
    : JsonStringEnumConverter<RunStateName>(System.Text.Json.JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

internal sealed class StepStateNameConverter()
    : JsonStringEnumConverter<StepStateName>(System.Text.Json.JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

internal sealed class RunReplyCodeConverter()
    : JsonStringEnumConverter<RunReplyCode>(System.Text.Json.JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);
