using System.Buffers;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Federation.Messages;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Workflows;
using Jesus.Transport.Buffers;
using Jesus.Transport.Wire;
using RunInput = Jesus.Appliance.Runner.RunInput;

namespace Jesus.Appliance.Federation.Durable;

/// <summary>A submission as it was read from the queue.</summary>
/// <param name="Blobs">Hashes of inputs and files that travelled as objects, by where they belong.</param>
internal sealed record SubmittedMessage(string RunId, RunSubmission Submission, IReadOnlyDictionary<string, string> Blobs, Submitter Submitter, DateTimeOffset At);

/// <summary>
/// A submission as RunSubmit. What that message has no member for stands among its inputs under names that no input can have: <c>@name</c> the file's name,
/// <c>@file/NAME</c> a workflow file that <c>run</c> steps name, <c>@blob/KEY</c> the SHA-256 of a value that is too long for the message and lies in the
/// object store, where KEY is what would stand there otherwise.
/// </summary>
internal static class SubmitMessage
{
    public const string BlobPrefix = "@blob/";
    private const string FilePrefix = "@file/";
    private const string NameKey = "@name";

    /// <summary>A longer value travels as an object.</summary>
    private const int ValueMax = 16 * 1024;

    /// <summary>The message, and the values that must be in the object store before it is sent, by hash.</summary>
    /// <param name="put">Keeps a value in this box's store and says its hash.</param>
    /// <returns>Null when the message is too long all the same.</returns>
    public static (byte[]? Body, IReadOnlyList<string> Blobs) Write(
        RunEvent submitted, RunSubmission submission, Workflow workflow, string origin, int bytesMax, Func<byte[], string> put)
    {
        var run = submitted.Submitted!;
        using var message = new RunSubmit
        {
            RunId = Slice(submitted.RunId),
            Workflow = new Utf8Slice(submission.Workflow),
            Principal = Slice(run.Principal.Id),
            User = Slice(run.Principal.User),
            Team = Slice(run.Principal.Team),
            Organisation = Slice(run.Principal.Organisation),
            BudgetMicroUsd = workflow.BudgetMicroUsd,
            BudgetTokens = workflow.BudgetTokens,
            Origin = Slice(origin),
            SubmittedUnixMs = submitted.At.ToUnixTimeMilliseconds(),
        };
        var blobs = new List<string>();
        message.Inputs.Add(new Messages.RunInput(Slice(NameKey), Slice(submission.FileName)));
        foreach (var input in run.Inputs.EnumerateObject())
        {
            Add(message, blobs, input.Name, Encoding.UTF8.GetBytes(input.Value.GetRawText()), put);
        }

        foreach (var (name, bytes) in submission.Files)
        {
            Add(message, blobs, FilePrefix + name, bytes.ToArray(), put);
        }

        var output = new ArrayBufferWriter<byte>(submission.Workflow.Length + 1024);
        var writer = new WireWriter(output);
        message.Write(ref writer);
        return writer.Complete() && output.WrittenCount <= bytesMax ? (output.WrittenSpan.ToArray(), blobs) : (null, blobs);
    }

    /// <returns>Null when it is none; <paramref name="problem"/> says why.</returns>
    public static SubmittedMessage? Read(ReadOnlySpan<byte> body, string origin, out string problem)
    {
        using var message = new RunSubmit();
        if (!RunSubmit.TryRead(body, message, out var error))
        {
            problem = error.ToString() ?? "it is no RunSubmit";
            return null;
        }

        try
        {
            problem = "";
            return Read(message, origin);
        }
        catch (JsonException e)
        {
            problem = "an input is not JSON: " + e.Message;
            return null;
        }
    }

    /// <summary>The same with a value that was brought from the object store.</summary>
    public static SubmittedMessage With(SubmittedMessage message, string key, ReadOnlyMemory<byte> value)
    {
        var (inputs, files) = (new Dictionary<string, RunInput>(message.Submission.Inputs), new Dictionary<string, ReadOnlyMemory<byte>>(message.Submission.Files));
        Take(key, value, inputs, files);
        return message with { Submission = message.Submission with { Inputs = inputs, Files = files } };
    }

    private static SubmittedMessage Read(RunSubmit message, string origin)
    {
        var (inputs, files, blobs, name) = (new Dictionary<string, RunInput>(), new Dictionary<string, ReadOnlyMemory<byte>>(), new Dictionary<string, string>(), "workflow.yaml");
        foreach (var input in message.Inputs)
        {
            var key = input.Name.ToString();
            if (key == NameKey)
            {
                name = input.Json.ToString();
            }
            else if (key.StartsWith(BlobPrefix, StringComparison.Ordinal))
            {
                blobs[key[BlobPrefix.Length..]] = input.Json.ToString();
            }
            else
            {
                Take(key, input.Json.Span.ToArray(), inputs, files);
            }
        }

        return new SubmittedMessage(
            message.RunId.ToString(),
            new RunSubmission { Workflow = message.Workflow.Span.ToArray(), FileName = name, Inputs = inputs, Files = files, Anywhere = true },
            blobs,
            new Submitter(origin, message.Principal.ToString(), message.User.ToString(), message.Team.ToString(), message.Organisation.ToString()),
            DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(message.SubmittedUnixMs, 0, 253_402_300_799_999)));
    }

    private static void Take(string key, ReadOnlyMemory<byte> value, Dictionary<string, RunInput> inputs, Dictionary<string, ReadOnlyMemory<byte>> files)
    {
        if (key.StartsWith(FilePrefix, StringComparison.Ordinal))
        {
            files[key[FilePrefix.Length..]] = value;
        }
        else
        {
            inputs[key] = RunInput.FromJson(Runner.Expressions.JsonValues.Parse(value.Span));
        }
    }

    private static void Add(RunSubmit message, List<string> blobs, string key, byte[] value, Func<byte[], string> put)
    {
        if (value.Length <= ValueMax)
        {
            message.Inputs.Add(new Messages.RunInput(Slice(key), new Utf8Slice(value)));
            return;
        }

        var hash = put(value);
        blobs.Add(hash);
        message.Inputs.Add(new Messages.RunInput(Slice(BlobPrefix + key), Slice(hash)));
    }

    private static Utf8Slice Slice(string text) => new(Encoding.UTF8.GetBytes(text));
}
