namespace Jesus.Appliance.Runner.Workflows;

/// <summary>What a workflow file may be at most. Each limit is far above a file that a person writes and far below one that hurts the box.</summary>
public static class WorkflowLimits
{
    /// <summary>A file of 1,000 steps with long prompts is about 200 KB.</summary>
    public const int FileBytes = 256 * 1024;

    /// <summary>Mappings and lists in each other; the parser and its checks recurse.</summary>
    public const int Depth = 32;

    /// <summary>Scalars, mappings and lists of one file: bounds what 256 KB of <c>[[],[],...]</c> can allocate.</summary>
    public const int Nodes = 50_000;

    /// <summary>Steps of one graph; the reachability table takes a bit per pair (125 KB at the limit).</summary>
    public const int Steps = 1_000;

    /// <summary>Maps and sub-runs in each other.</summary>
    public const int Nesting = 8;

    /// <summary>Members of the list that a map walks; every one is held in memory while its run is active (about 1 KB each).</summary>
    public const int MapItems = 10_000;

    /// <summary>Errors reported of one file: past this a person has stopped reading.</summary>
    public const int Errors = 100;

    /// <summary>Attempts of one step: with a delay that doubles, more only hides a broken step.</summary>
    public const int Attempts = 20;

    /// <summary>Model calls of one agent step.</summary>
    public const int Turns = 50;

    /// <summary>Steps or items in progress at once that a file may ask for.</summary>
    public const int Concurrency = 256;
}
