using Jesus.Inference.Adapters.Shared;

namespace Jesus.Inference.Adapters.Anthropic;

/// <summary>The exchange of one call in this API's shape.</summary>
internal sealed class MessagesExchange() : AnswerExchange(new MessagesAnswer())
{
    public MessagesAnswer Message => (MessagesAnswer)Answer;
}
