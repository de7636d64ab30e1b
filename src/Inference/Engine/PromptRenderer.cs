using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Templates;
using Jesus.Inference.Engine.Tokenizers;
using Jesus.Inference.Engine.ToolCalls;

namespace Jesus.Inference.Engine;

/// <summary>A request's turns and tools to prompt tokens, through the model's own chat template. Immutable; any thread.</summary>
internal sealed class PromptRenderer
{
    private readonly string _model;
    private readonly Tokenizer _tokenizer;
    private readonly ChatTemplate? _template;
    private readonly ModelError _templateError;
    private readonly TemplateSettings _settings;
    private readonly TimeProvider _time;

    /// <param name="templateError">Why the file's template cannot be used; shown when a request needs it.</param>
    /// <param name="form">How the model marks its reasoning.</param>
    /// <param name="time">The day, for templates that tell it.</param>
    public PromptRenderer(string model, Tokenizer tokenizer, ChatTemplate? template, ModelError templateError, AnswerForm form = default, TimeProvider? time = null)
    {
        Form = form;
        _time = time ?? TimeProvider.System;
        _model = model;
        _tokenizer = tokenizer;
        _template = template;
        _templateError = templateError;
        _settings = new TemplateSettings(AddGenerationPrompt: true, TextOf(tokenizer.Ids.Begin), TextOf(tokenizer.Ids.End));
    }

    /// <summary>How the model writes tool calls and reasoning.</summary>
    public AnswerForm Form { get; }

    /// <summary>Appends the prompt: the request's own tokens where it has them, else the rendered turns.</summary>
    public ModelError Render(ModelRequest request, TokenBuffer into) => Render(request, into, out _);

    /// <param name="inReasoning">The template ended the prompt with the marker that opens the reasoning.</param>
    public ModelError Render(ModelRequest request, TokenBuffer into, out bool inReasoning)
    {
        inReasoning = false;
        if (!request.PromptTokens.IsEmpty)
        {
            into.Add(request.PromptTokens.Span);
            return default;
        }

        if (request is { Turns.Count: 0, Inputs.Count: > 0 })
        {
            _tokenizer.EncodePrompt(request.Inputs[0], default, into);
            return default;
        }

        if (_template is null)
        {
            return _templateError.IsNone
                ? new ModelError(ErrorCause.UnsupportedField, $"{_model} has no chat template; send the prompt as tokens, or choose an instruction model.", "messages")
                : _templateError;
        }

        var scratch = PromptScratch.Rent();
        if (_template.TryRender(request, _settings with { Now = _time.GetUtcNow() }, scratch.Output, out var error))
        {
            inReasoning = EndsInReasoning(scratch.Output);
            _tokenizer.EncodePrompt(scratch.Output.Bytes, scratch.TrustedRanges(), into);
        }

        PromptScratch.Return(scratch);
        return error;
    }

    /// <summary>Only what the template itself wrote last counts: a user's text may end as it likes.</summary>
    private bool EndsInReasoning(TemplateOutput output)
    {
        if (Form.ReasoningOpen.IsEmpty || output.Runs.Count == 0 || !output.Runs[^1].Trusted)
        {
            return false;
        }

        return output.BytesOf(output.Runs[^1]).TrimEnd(" \r\n\t"u8).EndsWith(Form.ReasoningOpen);
    }

    private string TextOf(int id) => id < 0 ? "" : _tokenizer.Vocabulary.Text(id);

    /// <summary>Working memory of one rendering thread.</summary>
    private sealed class PromptScratch
    {
        /// <summary>A prompt of 64 KB; a longer one pays for its own memory.</summary>
        private const int KeptBytesMax = 64 * 1024;

        [ThreadStatic]
        private static PromptScratch? s_spare;

        private TrustedRange[] _ranges = new TrustedRange[64];

        public TemplateOutput Output { get; } = new();

        public static PromptScratch Rent()
        {
            var scratch = s_spare ?? new PromptScratch();
            s_spare = null;
            return scratch;
        }

        public static void Return(PromptScratch scratch)
        {
            if (scratch.Output.Bytes.Length <= KeptBytesMax)
            {
                s_spare = scratch;
            }
        }

        public ReadOnlySpan<TrustedRange> TrustedRanges()
        {
            if (_ranges.Length < Output.Runs.Count)
            {
                _ranges = new TrustedRange[Output.Runs.Count];
            }

            var count = 0;
            for (var i = 0; i < Output.Runs.Count; i++)
            {
                var run = Output.Runs[i];
                if (run.Trusted)
                {
                    _ranges[count++] = new TrustedRange(run.Start, run.Length);
                }
            }

            return _ranges.AsSpan(0, count);
        }
    }
}
