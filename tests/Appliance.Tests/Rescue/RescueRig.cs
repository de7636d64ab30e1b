using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Appliance.Tests.Gateway;
using Jesus.Appliance.Tests.Pipeline;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Rescue;

/// <summary>The gateway over a route of two boxes that can die.</summary>
internal sealed class RescueRig : IAsyncDisposable
{
    private RescueRig(GatewayFixture gateway, MortalAdapter one, MortalAdapter two, TestPipeline test)
    {
        (Gateway, One, Two, Test) = (gateway, one, two, test);
        gateway.Answer = async (call, sink, cancel) =>
        {
            Outcome = await test.Pipeline.RunAsync(call, sink, cancel);
            Whole = Outcome is { Attempts: 1, Succeeded: true } ? Outcome : Whole;
            Decisions = [.. call.Decisions.Items];
            return Outcome;
        };
    }

    public GatewayFixture Gateway { get; }
    public MortalAdapter One { get; }
    public MortalAdapter Two { get; }
    public TestPipeline Test { get; }

    /// <summary>Of the last call, and of the last that nobody died in.</summary>
    public Outcome Outcome { get; private set; }
    public Outcome Whole { get; private set; }
    public IReadOnlyList<Decision> Decisions { get; private set; } = [];

    /// <summary>A token costs a micro-dollar at each.</summary>
    public static async Task<RescueRig> StartAsync(IModelAdapter one, IModelAdapter two, RouteOptions? route = null)
    {
        var (first, second) = (new MortalAdapter("one", one), new MortalAdapter("two", two));
        var prices = new PricesOptions
        {
            Prices = [.. new[] { "one", "two" }.Select(provider => new PriceOptions { Provider = provider, Model = NanoBoxes.Model, InputPerMillionTokens = 1, OutputPerMillionTokens = 1 })],
        };
        return new RescueRig(await GatewayFixture.StartAsync(), first, second, new TestPipeline([first, second], route, prices: prices));
    }

    /// <summary>Randomness whose seed is printed, and taken from JESUS_SEED to play a failure again.</summary>
    public static Random Dice(ITestOutputHelper output)
    {
        var given = Environment.GetEnvironmentVariable("JESUS_SEED");
        var seed = given is { Length: > 0 } ? int.Parse(given, System.Globalization.CultureInfo.InvariantCulture) : Random.Shared.Next();
        output.WriteLine($"seed {seed}; play it again with JESUS_SEED={seed}");
        return new Random(seed);
    }

    /// <summary>Deaths open breakers; these boxes are well again.</summary>
    public void Rest()
    {
        foreach (var candidate in Test.Candidates)
        {
            candidate.Health.Succeeded();
        }
    }

    public ValueTask DisposeAsync() => Gateway.DisposeAsync();
}
