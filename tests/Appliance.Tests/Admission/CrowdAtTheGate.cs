using System.Globalization;
using Jesus.Appliance.Admission;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Appliance.Tests.Scheduler;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Admission;

/// <summary>
/// Callers at one limit in simulated time, four times as many as it lets in, of whom some come back when they are told and go on doing so. One seed is one history.
/// </summary>
internal sealed class CrowdAtTheGate : SimulatedCrowd
{
    private const int Seconds = 240;
    private const double Times = 4;

    /// <summary>The longest call in tokens, in minutes of the limit.</summary>
    private const int LongestShare = 20;
    private static readonly ModelRequest Request = new();
    private readonly AdmissionGate _gate;
    private readonly double _obeying;
    private readonly int _perMinute;
    private readonly bool _ofTokens;
    private long _used;
    private int _callers;

    /// <param name="obeying">Share of the callers that come back as told; the others never do.</param>
    /// <param name="ofTokens">The limit counts tokens, of calls of many lengths, in place of calls.</param>
    public CrowdAtTheGate(int seed, double obeying, bool ofTokens)
        : base(seed, Seconds)
    {
        (_obeying, _ofTokens) = (obeying, ofTokens);
        _perMinute = ofTokens ? 1_000 + Random.Next(100_000) : 30 + Random.Next(1_500);
        _gate = new AdmissionGate(new LimitsOptions
        {
            Rules = [ofTokens ? new LimitRule { TokensPerMinute = _perMinute } : new LimitRule { RequestsPerMinute = _perMinute }],
        });
    }

    /// <summary>Of what the limit allows.</summary>
    public double Used => _used / (_perMinute * (1 + (Seconds / 60.0)));

    public CrowdAtTheGate Play()
    {
        PlayOut();
        return this;
    }

    protected override void Come()
    {
        var amount = _ofTokens ? 1 + Random.Next(_perMinute / LongestShare) : 1;
        Ask(new Caller((++_callers).ToString(CultureInfo.InvariantCulture), amount, Random.NextDouble() < _obeying));
        var meanAmount = _ofTokens ? (1 + (_perMinute / LongestShare)) / 2.0 : 1;
        Plan(-Math.Log(1 - Random.NextDouble()) * 60_000 * meanAmount / (Times * _perMinute), Come);
    }

    private void Ask(Caller caller)
    {
        // The model's name stands for the question: what a caller is known by has both in it.
        var pass = new AdmissionPass();
        var error = _gate.Enter(pass, Principal.System, Lane.Interactive, caller.Name, Request, Now, out var figures);
        error = error.IsNone && _ofTokens ? _gate.TakeTokens(pass, caller.Amount, Now, ref figures) : error;
        _gate.Leave(pass, error.IsNone ? caller.Amount : 0, Now);
        Note(caller.ToldMs > 0, error.IsNone);
        if (error.IsNone)
        {
            _used += caller.Amount;
            NoteRatio(caller);
            return;
        }

        Assert.Equal(ErrorCause.RateLimited, error.Cause);
        Tell(caller, (long)error.RetryAfter.TotalMilliseconds, isExact: _callers % 2 == 0, () => Ask(caller));
    }

    private sealed class Caller(string name, int amount, bool obeys) : SimulatedCaller(obeys)
    {
        public string Name => name;
        public int Amount => amount;
    }
}
