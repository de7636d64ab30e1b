using System.Text;
using System.Text.Json;
using Jesus.Appliance.Runner;

namespace Jesus.Appliance.Gateway.Rest;

/// <summary>
/// Reads the body of <c>POST /api/v1/runs</c>:
/// <c>{"workflow": YAML, "file_name"?: NAME, "inputs"?: {NAME: TEXT or JSON},
/// "input_files"?: {NAME: {"text": ...} or {"base64": ...}}, "files"?: {NAME: YAML}, "anywhere"?: true or false}</c>.
/// </summary>
internal static class RunSubmissionReader
{
    public static (RunSubmission? Submission, ApiFailure Failure) Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = 64 });
            return Read(document.RootElement);
        }
        catch (JsonException e)
        {
            return (null, ApiFailure.Invalid("invalid_json", $"The body is not valid JSON: line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}."));
        }
        catch (FormatException)
        {
            return (null, ApiFailure.Invalid("invalid_value", "A base64 text in 'input_files' is broken.", "input_files"));
        }
        catch (Exception e) when (e is InvalidOperationException or KeyNotFoundException)
        {
            return (null, ApiFailure.Invalid("invalid_type",
                "A value has the wrong type, or is not whole Unicode text. workflow and file_name are strings; inputs, input_files and files are objects; "
                    + "anywhere is true or false."));
        }
    }

    private static (RunSubmission?, ApiFailure) Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("workflow"u8, out var workflow) || workflow.ValueKind != JsonValueKind.String)
        {
            return (null, ApiFailure.Invalid("missing_required_parameter", "'workflow' is missing: give the YAML text as a string.", "workflow"));
        }

        var submission = new RunSubmission { Workflow = Encoding.UTF8.GetBytes(workflow.GetString()!) };
        var inputs = new Dictionary<string, RunInput>(StringComparer.Ordinal);
        foreach (var property in root.EnumerateObject())
        {
            switch (property.Name)
            {
                case "workflow":
                    break;
                case "file_name":
                    submission = submission with { FileName = property.Value.GetString() ?? submission.FileName };
                    break;
                case "inputs":
                    ReadInputs(property.Value, inputs);
                    break;
                case "input_files":
                    ReadInputFiles(property.Value, inputs);
                    break;
                case "anywhere":
                    submission = submission with { Anywhere = property.Value.GetBoolean() };
                    break;
                case "files":
                    submission = submission with { Files = FilesOf(property.Value) };
                    break;
                default:
                    return (null, ApiFailure.Invalid("unsupported_parameter",
                        $"'{property.Name}' is not known. Allowed: workflow, file_name, inputs, input_files, files, anywhere.", property.Name));
            }
        }

        return (submission with { Inputs = inputs }, default);
    }

    private static void ReadInputs(JsonElement values, Dictionary<string, RunInput> inputs)
    {
        foreach (var input in values.EnumerateObject())
        {
            inputs[input.Name] = input.Value.ValueKind == JsonValueKind.String
                ? RunInput.FromText(input.Value.GetString()!)
                : RunInput.FromJson(input.Value.Clone());
        }
    }

    private static void ReadInputFiles(JsonElement values, Dictionary<string, RunInput> inputs)
    {
        foreach (var input in values.EnumerateObject())
        {
            inputs[input.Name] = RunInput.FromFile(input.Value.TryGetProperty("text"u8, out var text)
                ? Encoding.UTF8.GetBytes(text.GetString()!)
                : input.Value.GetProperty("base64"u8).GetBytesFromBase64());
        }
    }

    private static Dictionary<string, ReadOnlyMemory<byte>> FilesOf(JsonElement files) =>
        files.EnumerateObject().ToDictionary(f => f.Name, f => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(f.Value.GetString()!));
}
