using System.Globalization;
using Jesus.Appliance.Admission;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Admission;

/// <summary>
/// Callers at one limit in simulated time, four times as many as it lets in, of whom some come back when they are told and go on doing so. One seed is one history.
/// </summary>
internal sealed class CrowdAtTheGate
{
    private const int Seconds = 240;
    private const double Times = 4;

    /// <summary>The longest call in tokens, in minutes of the limit.</summary>
    private const int LongestShare = 20;
    private static readonly ModelRequest Request = new();
    private readonly Random _random;
    private readonly AdmissionGate _gate;
    private readonly PriorityQueue<Action, long> _events = new();
    private readonly double _obeying;
    private readonly int _perMinute;
    private readonly bool _ofTokens;
    private long _now;
    private long _used;
    private int _callers;

    /// <param name="obeying">Share of the callers that come back as told; the others never do.</param>
    /// <param name="ofTokens">The limit counts tokens, of calls of many lengths, in place of calls.</param>
    public CrowdAtTheGate(int seed, double obeying, bool ofTokens)
    {
#pragma warning disable RS0030 // The seed is the argument.
        _random = new Random(seed);
#pragma warning restore RS0030
        (_obeying, _ofTokens) = (obeying, ofTokens);
        _perMinute = ofTokens ? 1_000 + _random.Next(100_000) : 30 + _random.Next(1_500);
        _gate = new AdmissionGate(new LimitsOptions
        {
            Rules = [ofTokens ? new LimitRule { TokensPerMinute = _perMinute } : new LimitRule { RequestsPerMinute = _perMinute }],
        });
    }

    /// <summary>Of the callers with a claim that came back as told: let in, or not.</summary>
    public int LetIn { get; private set; }
    public int TurnedAwayAgain { get; private set; }

    /// <summary>From a refusal to the entry, over what was told at first.</summary>
    public List<double> Ratios { get; } = [];

    /// <summary>Of what the limit allows.</summary>
    public double Used => _used / (_perMinute * (1 + (Seconds / 60.0)));

    public CrowdAtTheGate Play()
    {
        Plan(0, Come);
        while (_events.TryDequeue(out var next, out var at) && at < Seconds * 1_000)
        {
            _now = at;
            next();
        }

        return this;
    }

    private void Plan(double inMs, Action what) => _events.Enqueue(what, _now + Math.Max(0, (long)Math.Round(inMs)));

    private void Come()
    {
        var amount = _ofTokens ? 1 + _random.Next(_perMinute / LongestShare) : 1;
        Ask(new Caller((++_callers).ToString(CultureInfo.InvariantCulture), amount, _random.NextDouble() < _obeying));
        var meanAmount = _ofTokens ? (1 + (_perMinute / LongestShare)) / 2.0 : 1;
        Plan(-Math.Log(1 - _random.NextDouble()) * 60_000 * meanAmount / (Times * _perMinute), Come);
    }

    private void Ask(Caller caller)
    {
        // The model's name stands for the question: what a caller is known by has both in it.
        var pass = new AdmissionPass();
        var error = _gate.Enter(pass, Principal.System, Lane.Interactive, caller.Name, Request, _now, out var figures);
        error = error.IsNone && _ofTokens ? _gate.TakeTokens(pass, caller.Amount, _now, ref figures) : error;
        _gate.Leave(pass, error.IsNone ? caller.Amount : 0, _now);
        if (caller.ToldMs > 0)
        {
            LetIn += error.IsNone ? 1 : 0;
            TurnedAwayAgain += error.IsNone ? 0 : 1;
        }

        if (error.IsNone)
        {
            _used += caller.Amount;
            if (caller.ToldMs > 0)
            {
                Ratios.Add((_now - caller.AskedMs) / (double)caller.ToldMs);
            }

            return;
        }

        Assert.Equal(ErrorCause.RateLimited, error.Cause);
        var told = (long)error.RetryAfter.TotalMilliseconds;
        (caller.ToldMs, caller.AskedMs) = (told < ReturnBook.ToldMsMax ? told : 0, _now);
        if (caller.Obeys)
        {
            // Half know milliseconds, half whole seconds.
            Plan(_callers % 2 == 0 ? told + _random.Next(60) : (long)Math.Ceiling(told / 1e3) * 1_000, () => Ask(caller));
        }
    }

    private sealed class Caller(string name, int amount, bool obeys)
    {
        public string Name => name;
        public int Amount => amount;
        public bool Obeys => obeys;
        public long ToldMs { get; set; }
        public long AskedMs { get; set; }
    }
}
