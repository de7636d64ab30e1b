namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>Members that are not known here: only a provider that is given the caller's own bytes may know them.</summary>
internal static class Verbatim
{
    /// <summary>Notes the current property by its path and steps over its value; null counts as absent.</summary>
    public static void NoteProperty(ref ChatReader chat, string parent)
    {
        var name = chat.Reader.GetString()!;
        if (!chat.SkipNull())
        {
            _ = chat.ForwardNext(parent.Length == 0 ? name : $"{parent}.{name}");
        }
    }
}
