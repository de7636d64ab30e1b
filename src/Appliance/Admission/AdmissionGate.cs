using System.Diagnostics.Metrics;
using System.Globalization;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Appliance.Telemetry;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Admission;

/// <summary>
/// Step 1: may this principal make this call now? Roles, shape, load, rate and concurrency; with step 3 tokens a minute. A call that was admitted must
/// <see cref="Leave"/>. Thread-safe; the lock is held for arithmetic only, and a refusal costs no more than an admission.
/// </summary>
public sealed class AdmissionGate
{
    private static readonly Counter<long> Refusals = JesusMeter.Instance.CreateCounter<long>(
        "admission_refusals_total", description: "Calls refused at the door, by why and lane.");

    private static readonly string[] LaneNames = ["interactive", "agent", "batch"];

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Visitor> _visitors = new(StringComparer.Ordinal);
    private readonly Dictionary<(LimitScope Scope, string Name), RateState?> _states = [];
    private readonly MemoryGauge _memory = new();
    private readonly Func<long, int> _memoryPercent;

    /// <summary>Of each lane, who was refused a place among all calls in progress; null until the first was.</summary>
    private readonly PlaceLine?[] _lines = new PlaceLine?[LaneNames.Length];
    private LimitBook _book;
    private MeanLength _length = new(last: 20);
    private int _inside;

    /// <param name="memoryPercent">Memory in use at a moment in monotonic milliseconds; null asks the runtime.</param>
    public AdmissionGate(LimitsOptions limits, Func<long, int>? memoryPercent = null)
    {
        Limits = limits;
        _book = LimitBook.Of(limits);
        _memoryPercent = memoryPercent ?? _memory.Percent;
    }

    public LimitsOptions Limits { get; private set; }

    /// <summary>Calls in progress.</summary>
    public int Inside => Volatile.Read(ref _inside);

    /// <summary>A reload: what is in the buckets and who is inside stays.</summary>
    public void Replace(LimitsOptions limits, long nowMs)
    {
        lock (_gate)
        {
            Limits = limits;
            _book = LimitBook.Of(limits);
            _visitors.Clear();
            foreach (var (key, state) in _states)
            {
                if (state is not null && _book.Find(key.Scope, key.Name) is { } rule)
                {
                    state.Follow(rule, nowMs);
                }
                else
                {
                    _states.Remove(key);
                }
            }
        }
    }

    /// <summary>Lets a call in, or says why not, with an honest retry-after where waiting helps.</summary>
    /// <param name="model">The model or route as the caller named it.</param>
    /// <param name="figures">What the caller is told of its limits, refused or not.</param>
    /// <returns><c>default</c> when admitted.</returns>
    public ModelError Enter(AdmissionPass pass, Principal principal, Lane lane, string model, ModelRequest request, long nowMs, out RateLimits figures)
    {
        figures = default;
        pass.Reset();
        pass.Lane = lane;
        if (!principal.May(Roles.Models))
        {
            return new ModelError(ErrorCause.Unauthorized, $"'{principal.Id}' may not call models; an administrator can give its key the role 'models'.");
        }

        var shape = ShapeCheck.Check(request, Limits);
        if (!shape.IsNone)
        {
            return shape;
        }

        pass.Ask(principal.Id, model, request);
        lock (_gate)
        {
            Collect(pass, principal, model, nowMs);
            if (_lines[(int)lane]?.IsEmpty(nowMs) != false && !AwaitsCalls(pass, nowMs) && IsOpen(pass, lane, nowMs))
            {
                Enter(pass, nowMs);
                figures = FiguresOf(pass, nowMs);
                return default;
            }
        }

        // Others were told to come back, or this one will be: the lock is not held while it is found out who it is.
        pass.Name();
        lock (_gate)
        {
            var error = Shed(pass, nowMs);
            error = error.IsNone ? Refuse(pass, nowMs) : error;
            if (error.IsNone)
            {
                Enter(pass, nowMs);
            }

            figures = FiguresOf(pass, nowMs);
            return error;
        }
    }

    /// <summary>Step 3: takes the tokens of the worst case from every bucket, or from none.</summary>
    public ModelError TakeTokens(AdmissionPass pass, long tokens, long nowMs, ref RateLimits figures)
    {
        if (figures.Tokens.IsNone || tokens <= 0)
        {
            return default;
        }

        lock (_gate)
        {
            if (!AwaitsTokens(pass, nowMs) && Slowest(pass, tokens, nowMs) is null)
            {
                Take(pass, tokens, nowMs);
                figures = FiguresOf(pass, nowMs);
                return default;
            }
        }

        pass.Name();
        lock (_gate)
        {
            if (Slowest(pass, tokens, nowMs) is { State: { } slow, WaitMs: var waitMs })
            {
                Count("tokens", pass.Lane);
                foreach (var state in pass.States)
                {
                    state.TellTokens(pass.Caller, waitMs, tokens, nowMs);
                }

                return Limited(slow, waitMs, $"has used its {Number(slow.Rule.TokensPerMinute)} tokens a minute, and this call may need {Number(tokens)}");
            }

            Take(pass, tokens, nowMs);
            figures = FiguresOf(pass, nowMs);
            return default;
        }
    }

    /// <summary>The call is over: its place is free, and its buckets know what it really used.</summary>
    public void Leave(AdmissionPass pass, long usedTokens, long nowMs)
    {
        if (!pass.IsInside)
        {
            return;
        }

        lock (_gate)
        {
            _inside--;
            _length.Add(nowMs - pass.EnteredMs);
            for (var i = 0; i < pass.States.Count; i++)
            {
                pass.States[i].Leave((pass.Awaited & (1 << i)) != 0, pass.Tokens, usedTokens, pass.EnteredMs, nowMs);
            }

            if ((pass.Awaited & AdmissionPass.AmongAll) != 0)
            {
                _lines[(int)pass.Lane]!.Leave();
            }
        }

        pass.IsInside = false;
    }

    private ModelError Shed(AdmissionPass pass, long nowMs)
    {
        var lane = pass.Lane;
        var places = LoadShedder.PlacesFor(lane, Limits.CallsInProgressTotal);
        if (PlaceLine.WaitMs(_lines[(int)lane], pass.Caller, _inside, places, _length.Ms, nowMs) is > 0 and var waitMs)
        {
            Count("places", lane);
            waitMs = Math.Max(waitMs, LoadShedder.ToldMsMin);
            (_lines[(int)lane] ??= new PlaceLine()).Tell(pass.Caller, waitMs, nowMs);
            var rest = _inside < places ? $" of {places}, and keeps the rest for those that were told to come back," : ", the most";
            return Busy($"The appliance has {_inside} calls in progress{rest} for the lane {LaneNames[(int)lane]} (limits.callsInProgressTotal); try again shortly.", waitMs);
        }

        if (IsShortOfMemory(lane, nowMs))
        {
            Count("memory", lane);
            return Busy(
                $"The appliance is short of memory and takes no more calls of the lane {LaneNames[(int)lane]} (limits.memoryPercentMax); try again shortly.",
                LoadShedder.ToldForMemoryMs(_length.Ms));
        }

        return default;
    }

    /// <summary>None where every limit lets the call in; else what it is told, and what it lacks is kept for it.</summary>
    private static ModelError Refuse(AdmissionPass pass, long nowMs)
    {
        if (Slowest(pass, nowMs) is not { State: { } slowest, WaitMs: var waitMs })
        {
            return default;
        }

        var rule = slowest.Rule;
        var isFull = slowest.LacksPlace(pass.Caller, nowMs);
        foreach (var state in pass.States)
        {
            state.TellCall(pass.Caller, waitMs, nowMs);
        }

        Count(isFull ? "concurrency" : "requests", pass.Lane);
        return Limited(slowest, waitMs, isFull && slowest.Inside < rule.Concurrency
            ? $"has {slowest.Inside} of {rule.Concurrency} calls in progress, and the rest is kept for those that were told to come back"
            : isFull ? $"has {slowest.Inside} calls in progress, its limit; wait for one to end"
            : $"has used its {Number(rule.RequestsPerMinute)} calls a minute");
    }

    private void Enter(AdmissionPass pass, long nowMs)
    {
        for (var i = 0; i < pass.States.Count; i++)
        {
            pass.Awaited |= pass.States[i].Enter(pass.Caller, nowMs) ? 1 << i : 0;
        }

        pass.Awaited |= _lines[(int)pass.Lane]?.Enter(pass.Caller, nowMs) == true ? AdmissionPass.AmongAll : 0;
        pass.EnteredMs = nowMs;
        pass.IsInside = true;
        _inside++;
    }

    private static void Take(AdmissionPass pass, long tokens, long nowMs)
    {
        foreach (var state in pass.States)
        {
            state.TakeTokens(pass.Caller, tokens, nowMs);
        }

        pass.Tokens = tokens;
    }

    private static bool AwaitsCalls(AdmissionPass pass, long nowMs)
    {
        foreach (var state in pass.States)
        {
            if (state.AwaitsCalls(nowMs))
            {
                return true;
            }
        }

        return false;
    }

    private static bool AwaitsTokens(AdmissionPass pass, long nowMs)
    {
        foreach (var state in pass.States)
        {
            if (state.AwaitsTokens(nowMs))
            {
                return true;
            }
        }

        return false;
    }

    private bool IsOpen(AdmissionPass pass, Lane lane, long nowMs) =>
        _inside < LoadShedder.PlacesFor(lane, Limits.CallsInProgressTotal) && !IsShortOfMemory(lane, nowMs) && Slowest(pass, nowMs) is null;

    private bool IsShortOfMemory(Lane lane, long nowMs) =>
        Limits.MemoryPercentMax > 0 && LoadShedder.IsShedForMemory(lane, _memoryPercent(nowMs), Limits.MemoryPercentMax);

    private static (RateState State, long WaitMs)? Slowest(AdmissionPass pass, long nowMs)
    {
        (RateState State, long WaitMs)? slowest = null;
        foreach (var state in pass.States)
        {
            var wait = state.WaitForCall(pass.Caller, nowMs);
            if (wait > (slowest?.WaitMs ?? 0))
            {
                slowest = (state, wait);
            }
        }

        return slowest;
    }

    private static (RateState State, long WaitMs)? Slowest(AdmissionPass pass, long tokens, long nowMs)
    {
        (RateState State, long WaitMs)? slowest = null;
        foreach (var state in pass.States)
        {
            var wait = state.WaitForTokens(pass.Caller, tokens, nowMs);
            if (wait > (slowest?.WaitMs ?? 0))
            {
                slowest = (state, wait);
            }
        }

        return slowest;
    }

    /// <summary>Of all limits of a kind the one nearest its end.</summary>
    private static RateLimits FiguresOf(AdmissionPass pass, long nowMs)
    {
        RateFigure requests = default;
        RateFigure tokens = default;
        foreach (var state in pass.States)
        {
            requests = Nearer(requests, state.Requests(nowMs));
            tokens = Nearer(tokens, state.Tokens(nowMs));
        }

        return new RateLimits(requests, tokens);
    }

    private static RateFigure Nearer(RateFigure a, RateFigure b) => b.IsNone || (!a.IsNone && a.Remaining <= b.Remaining) ? a : b;

    private static ModelError Busy(string message, long retryMs) => new(ErrorCause.Overloaded, message, RetryAfter: TimeSpan.FromMilliseconds(retryMs));

    private static ModelError Limited(RateState state, long waitMs, string what) =>
        new(ErrorCause.RateLimited, $"The {state.Display} {what} (limits).", RetryAfter: TimeSpan.FromMilliseconds(waitMs));

    private static void Count(string why, Lane lane) => Refusals.Add(1, new KeyValuePair<string, object?>("why", why), new("lane", LaneNames[(int)lane]));

    private static string Number(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    private void Collect(AdmissionPass pass, Principal principal, string model, long nowMs)
    {
        if (!_visitors.TryGetValue(principal.Id, out var visitor) || !visitor.IsOf(principal))
        {
            visitor = Remember(principal, nowMs);
        }

        pass.States.AddRange(visitor.States);
        if (_book.HasModels && StateOf(LimitScope.Model, model.Length == 0 ? "default" : model, nowMs) is { } ofModel)
        {
            pass.States.Add(ofModel);
        }
    }

    private Visitor Remember(Principal principal, long nowMs)
    {
        if (_visitors.Count >= Limits.Principals)
        {
            ForgetIdle(nowMs);
        }

        List<RateState> states = [];
        (LimitScope Scope, string Name)[] names =
        [
            (LimitScope.Key, principal.Id), (LimitScope.User, principal.User), (LimitScope.Team, principal.Team), (LimitScope.Organisation, principal.Organisation),
        ];
        foreach (var (scope, name) in names)
        {
            if (name.Length > 0 && StateOf(scope, name, nowMs) is { } state)
            {
                states.Add(state);
            }
        }

        return _visitors[principal.Id] = new Visitor(principal, [.. states]);
    }

    /// <summary>Null where no rule holds, which is remembered too.</summary>
    private RateState? StateOf(LimitScope scope, string name, long nowMs)
    {
        if (!_states.TryGetValue((scope, name), out var state))
        {
            if (_states.Count >= 4L * Limits.Principals)
            {
                ForgetIdle(nowMs);
            }

            state = _book.Find(scope, name) is { } rule ? new RateState(scope, name, rule, nowMs) : null;
            _states.Add((scope, name), state);
        }

        return state;
    }

    private void ForgetIdle(long nowMs)
    {
        _visitors.Clear();
        foreach (var (key, state) in _states)
        {
            if (state is null || state.IsIdle(nowMs))
            {
                _states.Remove(key);
            }
        }
    }

    /// <summary>A principal's own states, found once.</summary>
    private sealed record Visitor(Principal Principal, RateState[] States)
    {
        public bool IsOf(Principal principal) => ReferenceEquals(principal, Principal)
            || (principal.User == Principal.User && principal.Team == Principal.Team && principal.Organisation == Principal.Organisation);
    }
}
