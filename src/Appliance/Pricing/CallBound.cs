using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pricing;

/// <summary>The most that one attempt can use and cost: what is reserved before it, and charged when nobody says what it used.</summary>
public readonly record struct CallBound(Usage Usage, long MicroUsd)
{
    /// <summary>Answer length assumed where neither caller, nor model, nor context sets one. Callers under a cap are then cut to it.</summary>
    public const int DefaultOutputTokens = 4_096;

    public long Tokens => Usage.InputTokens + (long)Usage.OutputTokens;

    /// <summary>The bound of a request at a candidate. Counting tokens costs nothing; embeddings and rankings answer without tokens.</summary>
    /// <param name="inputTokens">Exact, or never too low.</param>
    /// <param name="modelMax">Longest answer of the model; 0 unknown.</param>
    /// <param name="context">Prompt and answer together; 0 unknown.</param>
    public static CallBound Of(Price price, ModelRequest request, int inputTokens, int modelMax, int context) => request.Operation switch
    {
        ModelOperation.CountTokens => default,
        ModelOperation.Generate => Of(
            MayKeepForAnHour(request) ? price : price with { LongCacheWrite = 0 },
            inputTokens, request.MaxOutputTokens, modelMax, context, request.Choices, ImagesIn(request)),
        _ => Of(price, new Usage { InputTokens = inputTokens }),
    };

    /// <param name="inputTokens">Exact, or never too low.</param>
    /// <param name="asked">Longest answer the caller asked for; 0 for no limit.</param>
    /// <param name="modelMax">Longest answer of the model; 0 unknown.</param>
    /// <param name="context">Prompt and answer together; 0 unknown.</param>
    /// <param name="choices">Answers to the same prompt.</param>
    public static CallBound Of(Price price, int inputTokens, int asked, int modelMax, int context, int choices, int images)
    {
        var longest = OutputTokens(inputTokens, asked, modelMax, context);
        return Of(price, new Usage
        {
            InputTokens = inputTokens,
            OutputTokens = (int)Math.Min(int.MaxValue, (long)longest * Math.Max(1, choices)),
            Images = images,
        });
    }

    /// <summary>The longest answer one choice can have.</summary>
    public static int OutputTokens(int inputTokens, int asked, int modelMax, int context)
    {
        var longest = asked > 0 ? asked : modelMax;
        if (longest == 0)
        {
            longest = context > 0 ? context : DefaultOutputTokens;
        }

        // What is left of the context ends every answer, but a prompt bound may be far too high: then it says nothing.
        return context > inputTokens ? Math.Min(longest, context - inputTokens) : longest;
    }

    private static CallBound Of(Price price, in Usage tokens)
    {
        var usage = price.ComputeSecond > 0 ? tokens with { ComputeMicroseconds = price.ComputeSecondsMax * 1_000_000L } : tokens;
        return new CallBound(usage, price.DearestOf(usage));
    }

    /// <summary>Only a request that marks something for an hour pays that price; one with fields that nobody here has read may.</summary>
    private static bool MayKeepForAnHour(ModelRequest request)
    {
        if (request.VerbatimOnly.Length > 0)
        {
            return true;
        }

        // By index: an enumerator of the interface is an object a call, unless the JIT happens to see through it.
        for (var i = 0; i < request.Turns.Parts.Count; i++)
        {
            if (request.Turns.Parts[i].Cache == CacheMark.OneHour)
            {
                return true;
            }
        }

        foreach (var tool in request.Tools)
        {
            if (tool.Cache == CacheMark.OneHour)
            {
                return true;
            }
        }

        return false;
    }

    private static int ImagesIn(ModelRequest request)
    {
        var images = 0;
        for (var i = 0; i < request.Turns.Parts.Count; i++)
        {
            images += request.Turns.Parts[i].Kind == PartKind.Image ? 1 : 0;
        }

        return images;
    }
}
