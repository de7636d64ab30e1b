using System.CommandLine;

namespace Jesus.Appliance.Cli;

/// <summary>The options that every verb has, and what a verb gets from them.</summary>
internal sealed class VerbOptions
{
    private readonly Option<bool> _json = new("--json") { Description = "Print JSON for machines." };
    private readonly Option<string?> _url = new("--url")
    {
        Description = $"Another daemon's address, or unix:PATH (default: the box's own, {DaemonAddress.DefaultUrl}).",
        HelpName = "URL",
    };
    private readonly Option<string?> _state = new("--state") { Description = "State folder of the daemon to talk to (its socket lies there).", HelpName = "DIR" };

    public void AddTo(Command command)
    {
        command.Options.Add(_json);
        command.Options.Add(_url);
        command.Options.Add(_state);
    }

    public bool Json(ParseResult result) => result.GetValue(_json);

    public string? State(ParseResult result) => result.GetValue(_state);

    public DaemonAddress Address(ParseResult result) => DaemonAddress.Find(result.GetValue(_url), result.GetValue(_state));

    public DaemonClient Connect(ParseResult result) => new(Address(result));
}
