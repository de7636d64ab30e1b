using Jesus.Inference.Adapters.Shared;

namespace Jesus.Inference.Adapters.OpenAi;

/// <summary>An exchange whose answer is a response.</summary>
internal sealed class ResponsesExchange() : AnswerExchange(new ResponsesAnswer());
