using System.Globalization;
using Jesus.Appliance.Admission;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Appliance.Tests.Scheduler;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Admission;

/// <summary>
/// Callers at a limit of calls in progress in simulated time, four times as many as it lets in, of whom some come back when they are told and go on doing so. One seed is one history.
/// </summary>
internal sealed class CrowdAtThePlaces : SimulatedCrowd
{
    private const int Seconds = 90;
    private const double Times = 4;
    private static readonly ModelRequest Request = new();
    private readonly AdmissionGate _gate;
    private readonly double _obeying;
    private readonly bool _isUneven;
    private readonly bool _knowsMs;
    private readonly int _places;
    private readonly int _meanMs;
    private long _busyMs;
    private int _callers;

    /// <param name="obeying">Share of the callers that come back as told; the others never do.</param>
    /// <param name="inAll">The limit is that of all calls together, in place of one key's.</param>
    /// <param name="isUneven">Most calls are short and some are long (exponential), in place of a half to one and a half of the mean.</param>
    /// <param name="knowsMs">All clients heed milliseconds, in place of every other one.</param>
    public CrowdAtThePlaces(int seed, double obeying, bool inAll, bool isUneven, bool knowsMs)
        : base(seed, Seconds)
    {
        (_obeying, _isUneven, _knowsMs) = (obeying, isUneven, knowsMs);
        _places = 1 + Random.Next(inAll ? 200 : 16);
        _meanMs = 400 + Random.Next(1_200);
        _gate = new AdmissionGate(inAll ? new LimitsOptions { CallsInProgressTotal = _places } : new LimitsOptions { Rules = [new LimitRule { Concurrency = _places }] }, _ => 0);
    }

    /// <summary>Part of the time in which places were taken, after the first tenth.</summary>
    public double Used => _busyMs / (double)(_places * Seconds * 900L);

    public CrowdAtThePlaces Play()
    {
        PlayOut();
        return this;
    }

    protected override void Come()
    {
        Ask(new Caller((++_callers).ToString(CultureInfo.InvariantCulture), _knowsMs || _callers % 2 == 0, Random.NextDouble() < _obeying));
        Plan(Exponential(_meanMs / (Times * _places)), Come);
    }

    private void Ask(Caller caller)
    {
        // The model's name stands for the question: what a caller is known by has both in it.
        var error = _gate.Enter(caller.Pass, Principal.System, Lane.Interactive, caller.Name, Request, Now, out _);
        Note(caller.ToldMs > 0, error.IsNone);
        if (error.IsNone)
        {
            NoteRatio(caller);
            Run(caller);
            return;
        }

        Tell(caller, (long)error.RetryAfter.TotalMilliseconds, caller.IsExact, () => Ask(caller));
    }

    private void Run(Caller caller)
    {
        var takes = _isUneven ? (long)Exponential(_meanMs) : (_meanMs / 2) + Random.Next(_meanMs);
        _busyMs += Now >= Seconds * 100 ? Math.Min(takes, (Seconds * 1_000) - Now) : 0;
        Plan(takes, () => _gate.Leave(caller.Pass, 0, Now));
    }

    private double Exponential(double mean) => -Math.Log(1 - Random.NextDouble()) * mean;

    private sealed class Caller(string name, bool isExact, bool obeys) : SimulatedCaller(obeys)
    {
        public string Name => name;
        public bool IsExact => isExact;
        public AdmissionPass Pass { get; } = new();
    }
}
