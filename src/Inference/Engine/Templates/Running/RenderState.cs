using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Running;

/// <summary>One rendering: its names, its output, and what it may still use.</summary>
internal sealed class RenderState
{
    private long _steps;
    private long _copied;

    public RenderState(TemplateOutput output, JsonSpacing spacing, Scope globals)
    {
        Output = output;
        Spacing = spacing;
        Globals = globals;
        Scope = globals;
    }

    /// <summary>Where text goes now: the prompt, or a block that is being set.</summary>
    public TemplateOutput Output { get; set; }
    public JsonSpacing Spacing { get; }
    public Scope Globals { get; }
    public Scope Scope { get; set; }

    /// <summary>Macros within macros.</summary>
    public int CallDepth { get; set; }

    /// <summary>Counts one expression, statement or round of a loop.</summary>
    public void Step(Place place, int size = 0)
    {
        _steps += 1 + size;
        if (_steps > TemplateLimits.StepsMax)
        {
            throw new TemplateFault(place, $"more than {TemplateLimits.StepsMax} steps; the template does not end, or the conversation is too long for it.");
        }
    }

    /// <summary>Counts bytes copied into a text that has <paramref name="length"/> bytes then.</summary>
    public void Copied(Place place, int bytes, int length)
    {
        _copied += bytes;
        if (length > TemplateLimits.TextBytesMax || _copied > TemplateLimits.CopiedBytesMax)
        {
            throw new TemplateFault(place, $"the text grows past {TemplateLimits.TextBytesMax} bytes; shorten the conversation.");
        }
    }

    public void Write(Place place, Value value)
    {
        var text = Texts.Of(place, value);
        Copied(place, text.Utf8.Length, Output.Bytes.Length + text.Utf8.Length);
        text.WriteTo(Output);
    }

    /// <summary>Renders into a text of its own.</summary>
    public TextValue Capture(Action<RenderState> render)
    {
        var outer = Output;
        Output = new TemplateOutput();
        try
        {
            render(this);
            return TextValue.Of(Output);
        }
        finally
        {
            Output = outer;
        }
    }
}
