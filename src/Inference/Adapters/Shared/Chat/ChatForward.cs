using System.Globalization;
using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.Shared.Chat;

/// <summary>
/// Sends the caller's own body on, byte for byte but for the model's name, the request for the usage of a stream (the money needs it), and the appliance's
/// own extension <c>inputs</c>, which no other server knows.
/// </summary>
internal static class ChatForward
{
    /// <param name="request">Its body is an object of chat completions.</param>
    /// <param name="dialect">Where it says that the server queues by priority, ours takes the place of the caller's.</param>
    /// <param name="body">Gets what is sent.</param>
    /// <param name="hideUsage">The caller did not ask for the usage of its stream.</param>
    public static ModelError Write(ModelRequest request, ChatDialect dialect, PooledBuffer body, out bool hideUsage)
    {
        hideUsage = false;
        try
        {
            var copy = new BodySplice(request.Body.Span, body);
            var asked = false;
            var said = false;
            while (copy.NextMember())
            {
                if (copy.NameIs("model"u8))
                {
                    copy.ReplaceWithText(request.Model.Span);
                }
                else if (copy.NameIs("inputs"u8) || (dialect.HasPriority && copy.NameIs("priority"u8)))
                {
                    copy.Drop();
                }
                else if (request.Streams && copy.NameIs("stream_options"u8))
                {
                    said = true;
                    asked = WriteStreamOptions(ref copy);
                }
            }

            hideUsage = request.Streams && !asked;
            Span<byte> priority = stackalloc byte[32];
            copy.End(request.Streams && !said ? ",\"stream_options\":{\"include_usage\":true}"u8 : default, PriorityOf(request, dialect, priority));
            return default;
        }
        catch (JsonException broken)
        {
            return new ModelError(ErrorCause.Refused, $"The body is not valid JSON: {broken.Message}");
        }
    }

    /// <returns>True when the caller asked for the usage itself; its options then stay as they are.</returns>
    private static bool WriteStreamOptions(ref BodySplice copy)
    {
        var value = copy.Value;
        if (value.IsEmpty || value[0] != '{')
        {
            copy.Replace("{\"include_usage\":true}"u8);
            return false;
        }

        var reader = new Utf8JsonReader(value);
        reader.Read();
        var others = false;
        while (JsonRead.NextMember(ref reader))
        {
            if (!reader.ValueTextEquals("include_usage"u8))
            {
                others = true;
                JsonRead.Skip(ref reader);
                continue;
            }

            reader.Read();
            if (reader.TokenType == JsonTokenType.True)
            {
                return true;
            }

            copy.Replace(value[..(int)reader.TokenStartIndex], "true"u8, value[(int)reader.BytesConsumed..]);
            return false;
        }

        copy.Replace("{\"include_usage\":true"u8, others ? ","u8 : default, value[1..]);
        return false;
    }

    private static ReadOnlySpan<byte> PriorityOf(ModelRequest request, ChatDialect dialect, Span<byte> text)
    {
        if (!dialect.HasPriority || request.Priority == 0)
        {
            return default;
        }

        ",\"priority\":"u8.CopyTo(text);
        request.Priority.TryFormat(text[12..], out var length, provider: CultureInfo.InvariantCulture);
        return text[..(12 + length)];
    }
}
