namespace Jesus.Inference.Engine.Templates;

/// <summary>What a rendering takes besides the request.</summary>
/// <param name="AddGenerationPrompt">End with the header of the assistant's turn.</param>
/// <param name="BosToken">The text of the tokenizer's begin token, empty when it has none.</param>
/// <param name="EosToken">The text of the tokenizer's end token.</param>
/// <param name="Now">What <c>strftime_now</c> tells; null where it is not defined.</param>
public readonly record struct TemplateSettings(bool AddGenerationPrompt = true, string BosToken = "", string EosToken = "", DateTimeOffset? Now = null);
