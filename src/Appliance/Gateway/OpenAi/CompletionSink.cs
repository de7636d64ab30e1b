using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>Collects a whole plain completion: the text as a chat's, the log probabilities beside it.</summary>
internal sealed class CompletionSink(ChatCollector text, bool wantsLogProbs) : IAnswerSink
{
    private readonly List<CompletionLogProbs> _logProbs = [];

    /// <summary>Null when none were asked for.</summary>
    public CompletionLogProbs? LogProbs(int choice)
    {
        while (wantsLogProbs && _logProbs.Count <= choice)
        {
            _logProbs.Add(new CompletionLogProbs());
        }

        return wantsLogProbs ? _logProbs[choice] : null;
    }

    public ValueTask WriteAsync(ModelEvent item)
    {
        if (item.Kind == EventKind.Text)
        {
            LogProbs(item.Choice)?.Add(item);
        }

        return text.WriteAsync(item);
    }
}
