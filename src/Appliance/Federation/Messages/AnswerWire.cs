using Jesus.Inference.Contract;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Messages;

/// <summary>The parts of an answer that are objects of their own, as members; at their defaults they are written with no bytes.</summary>
internal static class AnswerWire
{
    private const int LogProbMembers = 3;
    private const int ErrorMembers = 4;
    private const int UsageMembers = 8;

    /// <summary>Stands for the logarithm of 0, as in OpenAI's API: infinity is no number in JSON.</summary>
    private const float Impossible = -9999;

    public static void LogProbs(this ref WireWriter writer, ref TolerantWrite scope, ReadOnlySpan<TokenLogProb> tokens)
    {
        if (!tokens.IsEmpty)
        {
            writer.WriteCount(tokens.Length);
            foreach (ref readonly var token in tokens)
            {
                WriteLogProb(ref writer, token);
            }
        }

        writer.EndMember(ref scope);
    }

    /// <summary>Tokens, each followed by as many alternatives as it says: more than follow are refused.</summary>
    public static ReadOnlyMemory<TokenLogProb> ReadLogProbs(this ref WireReader reader, ref TokenLogProb[] storage)
    {
        var count = reader.ReadCount("InferEvent.logProbs", 1, MessageLimits.LogProbsMax);
        if (storage.Length < count)
        {
            storage = new TokenLogProb[Math.Max(32, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)count))];
        }

        for (var i = 0; i < count && !reader.Failed; i++)
        {
            storage[i] = ReadLogProb(ref reader, alternativesMax: count - i - 1);
        }

        return storage.AsMemory(0, count);
    }

    public static void Error(this ref WireWriter writer, ref TolerantWrite scope, in ModelError error)
    {
        if (!error.IsNone)
        {
            var inner = writer.BeginTolerant(ErrorMembers);
            writer.Member(ref inner, (byte)error.Cause);
            writer.WriteString(error.Message);
            writer.EndMember(ref inner);
            writer.WriteString(error.Param);
            writer.EndMember(ref inner);
            writer.Member(ref inner, (long)error.RetryAfter.TotalMilliseconds);
            writer.EndTolerant(ref inner);
        }

        writer.EndMember(ref scope);
    }

    /// <summary>A failure, whose words become strings: they are for a person. One of a cause that only newer peers know is <see cref="ErrorCause.Internal"/>.</summary>
    public static ModelError ReadError(this ref WireReader reader)
    {
        if (!reader.BeginTolerantValue("InferEvent.error", out var scope))
        {
            return default;
        }

        var cause = (ErrorCause)(reader.Next(ref scope) ? reader.Read<byte>("InferEvent.error.cause") : 0);
        var message = reader.Next(ref scope) ? reader.ReadString("InferEvent.error.message") : null;
        var param = reader.Next(ref scope) ? reader.ReadString("InferEvent.error.param") : null;
        var retryMs = reader.Next(ref scope) ? reader.ReadLong("InferEvent.error.retryAfterMs") : 0;
        reader.EndTolerant(ref scope);
        cause = cause <= ErrorCause.Internal ? cause : ErrorCause.Internal;
        return new ModelError(cause, message ?? "", param, TimeSpan.FromMilliseconds(Math.Min(retryMs, RetryMsMax)));
    }

    /// <summary>Nobody is sent away for longer than a day.</summary>
    private const long RetryMsMax = 24 * 60 * 60 * 1000;

    public static void Usage(this ref WireWriter writer, ref TolerantWrite scope, in Usage usage)
    {
        if (usage != default)
        {
            var inner = writer.BeginTolerant(UsageMembers);
            writer.Member(ref inner, usage.InputTokens);
            writer.Member(ref inner, usage.CachedInputTokens);
            writer.Member(ref inner, usage.CacheWriteTokens);
            writer.Member(ref inner, usage.OutputTokens);
            writer.Member(ref inner, usage.ReasoningTokens);
            writer.Member(ref inner, usage.Images);
            writer.Member(ref inner, usage.ComputeMicroseconds);
            writer.Member(ref inner, usage.LongCacheWriteTokens);
            writer.EndTolerant(ref inner);
        }

        writer.EndMember(ref scope);
    }

    public static Usage ReadUsage(this ref WireReader reader)
    {
        if (!reader.BeginTolerantValue("InferEvent.usage", out var scope))
        {
            return default;
        }

        var usage = new Usage
        {
            InputTokens = reader.Next(ref scope) ? reader.ReadInt("InferEvent.usage.inputTokens") : 0,
            CachedInputTokens = reader.Next(ref scope) ? reader.ReadInt("InferEvent.usage.cachedInputTokens") : 0,
            CacheWriteTokens = reader.Next(ref scope) ? reader.ReadInt("InferEvent.usage.cacheWriteTokens") : 0,
            OutputTokens = reader.Next(ref scope) ? reader.ReadInt("InferEvent.usage.outputTokens") : 0,
            ReasoningTokens = reader.Next(ref scope) ? reader.ReadInt("InferEvent.usage.reasoningTokens") : 0,
            Images = reader.Next(ref scope) ? reader.ReadInt("InferEvent.usage.images") : 0,
            ComputeMicroseconds = reader.Next(ref scope) ? reader.ReadLong("InferEvent.usage.computeMicroseconds") : 0,
            LongCacheWriteTokens = reader.Next(ref scope) ? reader.ReadInt("InferEvent.usage.longCacheWriteTokens") : 0,
        };
        reader.EndTolerant(ref scope);
        return usage;
    }

    private static void WriteLogProb(ref WireWriter writer, in TokenLogProb token)
    {
        var scope = writer.BeginTolerant(LogProbMembers);
        writer.Numbers(ref scope, token.Text.Span);
        writer.Member(ref scope, float.IsFinite(token.LogProb) ? token.LogProb : Impossible);
        writer.Member(ref scope, token.Alternatives);
        writer.EndTolerant(ref scope);
    }

    private static TokenLogProb ReadLogProb(ref WireReader reader, int alternativesMax)
    {
        if (!reader.BeginTolerantValue("InferEvent.logProbs", out var scope))
        {
            return default;
        }

        var text = reader.Next(ref scope) ? reader.ReadBytes("InferEvent.logProbs.text") : default;
        var logProb = reader.Next(ref scope) ? reader.ReadFinite("InferEvent.logProbs.logProb") : 0;
        var alternatives = reader.Next(ref scope) ? reader.ReadInt("InferEvent.logProbs.alternatives", max: alternativesMax) : 0;
        reader.EndTolerant(ref scope);
        return new TokenLogProb(text, logProb, alternatives);
    }
}
