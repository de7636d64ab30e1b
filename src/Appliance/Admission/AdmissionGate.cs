using Jesus.Appliance.Security;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Admission;

/// <summary>
/// Step 1: may this principal make this call now? Roles, shape, rate and concurrency. A call that was admitted must <see cref="Leave"/>. Thread-safe.
/// </summary>
public sealed class AdmissionGate(LimitsOptions limits)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Visitor> _visitors = new(StringComparer.Ordinal);
    private int _inside;

    public LimitsOptions Limits { get; } = limits;

    /// <summary>Calls in progress.</summary>
    public int Inside => Volatile.Read(ref _inside);

    /// <returns><c>default</c> when admitted, otherwise why not, with an honest retry-after where waiting helps.</returns>
    public ModelError Enter(Principal principal, ModelRequest request, long nowMs)
    {
        if (!principal.May(Roles.Models))
        {
            return new ModelError(ErrorCause.Unauthorized, $"'{principal.Id}' may not call models; an administrator can give its key the role 'models'.");
        }

        var shape = ShapeCheck.Check(request, Limits);
        if (!shape.IsNone)
        {
            return shape;
        }

        lock (_gate)
        {
            return EnterLocked(principal, nowMs);
        }
    }

    public void Leave(Principal principal)
    {
        lock (_gate)
        {
            _inside--;
            if (_visitors.TryGetValue(principal.Id, out var visitor))
            {
                visitor.Inside--;
            }
        }
    }

    private ModelError EnterLocked(Principal principal, long nowMs)
    {
        if (_inside >= Limits.CallsInProgressTotal)
        {
            return Busy($"The appliance has {_inside} calls in progress, its limit (limits.callsInProgressTotal); try again shortly.");
        }

        var visitor = VisitorOf(principal.Id, nowMs);
        if (Limits.CallsInProgress > 0 && visitor.Inside >= Limits.CallsInProgress)
        {
            return new ModelError(
                ErrorCause.RateLimited,
                $"'{principal.Id}' has {visitor.Inside} calls in progress, its limit (limits.callsInProgress); wait for one to end.",
                RetryAfter: TimeSpan.FromSeconds(1));
        }

        if (Limits.CallsPerMinute > 0 && !visitor.Take(Limits.CallsPerMinute, nowMs, out var waitMs))
        {
            return new ModelError(
                ErrorCause.RateLimited,
                $"'{principal.Id}' has used its {Limits.CallsPerMinute} calls a minute (limits.callsPerMinute).",
                RetryAfter: TimeSpan.FromMilliseconds(waitMs));
        }

        visitor.Inside++;
        visitor.LastMs = nowMs;
        _inside++;
        return default;
    }

    private static ModelError Busy(string message) => new(ErrorCause.Overloaded, message, RetryAfter: TimeSpan.FromSeconds(1));

    private Visitor VisitorOf(string id, long nowMs)
    {
        if (_visitors.TryGetValue(id, out var visitor))
        {
            return visitor;
        }

        if (_visitors.Count >= Limits.Principals)
        {
            ForgetIdle(nowMs);
        }

        visitor = new Visitor(TokenBucket.Full(Math.Max(1, Limits.CallsPerMinute), nowMs));
        _visitors.Add(id, visitor);
        return visitor;
    }

    /// <summary>Whoever was idle for a minute has a full bucket again, so nothing is lost with it.</summary>
    private void ForgetIdle(long nowMs)
    {
        foreach (var (id, visitor) in _visitors)
        {
            if (visitor.Inside == 0 && nowMs - visitor.LastMs >= 60_000)
            {
                _visitors.Remove(id);
            }
        }
    }

    private sealed class Visitor(TokenBucket bucket)
    {
        private TokenBucket _bucket = bucket;

        public int Inside { get; set; }
        public long LastMs { get; set; }

        public bool Take(int perMinute, long nowMs, out long waitMs) => _bucket.TryTake(perMinute, nowMs, out _bucket, out waitMs);
    }
}
