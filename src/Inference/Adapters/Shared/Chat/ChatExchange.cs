namespace Jesus.Inference.Adapters.Shared.Chat;

/// <summary>An exchange whose answer is a chat completion.</summary>
internal sealed class ChatExchange() : AnswerExchange(new ChatAnswer());
