using System.Diagnostics;
using Jesus.Appliance.Admission;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;
using Jesus.Transport.Timing;

namespace Jesus.Bench.Budgets;

/// <summary>
/// People alone, then people and four times what the place can do in agents and batches: admission and one candidate's door, open loop (calls are due by the
/// clock, whoever is still waiting).
/// </summary>
internal static class OverloadBench
{
    private const int Slots = 8;
    private const int ServiceMs = 20;
    private const double CapacityPerSecond = Slots * 1_000.0 / ServiceMs;

    public static async Task RunAsync(TextWriter output, bool tiny)
    {
        var seconds = tiny ? 1 : 10;
        await output.WriteLineAsync();
        await output.WriteLineAsync($"overload: {Slots} places of {ServiceMs} ms, so {CapacityPerSecond:F0} calls a second; people come at a quarter of that");
        await output.WriteLineAsync("                    offered/s  lane         answered  refused  p50 ms  p99 ms  refusal p50 us  p99 us");
        await PhaseAsync(output, "people alone", seconds, 0);
        await PhaseAsync(output, "4x overload", seconds, 3.75);
    }

    private static async Task PhaseAsync(TextWriter output, string name, int seconds, double others)
    {
        var world = new World();
        var people = world.OfferAsync(Lane.Interactive, CapacityPerSecond / 4, seconds);
        var agents = others > 0 ? world.OfferAsync(Lane.Agent, CapacityPerSecond * others / 2, seconds) : Task.FromResult<Lap?>(null)!;
        var batches = others > 0 ? world.OfferAsync(Lane.Batch, CapacityPerSecond * others / 2, seconds) : Task.FromResult<Lap?>(null)!;
        foreach (var (lane, lap) in new[] { ("interactive", await people), ("agent", await agents), ("batch", await batches) })
        {
            if (lap is not null)
            {
                await output.WriteLineAsync($"{name,-18} {CapacityPerSecond * (0.25 + others),9:F0}   {lane,-12} {lap.Answered.Count,8} {lap.Refused.Count,8}  "
                    + $"{lap.At(lap.Answered, 0.5),6:F1}  {lap.At(lap.Answered, 0.99),6:F1}  {lap.At(lap.Refused, 0.5) * 1_000,14:F0}  {lap.At(lap.Refused, 0.99) * 1_000,6:F0}");
            }
        }
    }

    private sealed class World
    {
        private readonly AdmissionGate _gate = new(new LimitsOptions { CallsInProgress = 0, CallsInProgressTotal = 256, MemoryPercentMax = 0 });
        private readonly TicketScheduler _scheduler = new(
            new SchedulerOptions { QueueDepthMax = 256, AgentWaitMs = 1_000, BatchWaitMs = 1_000 }, TimeProvider.System.NowMs);
        private readonly ModelRequest _request = new();

        public async Task<Lap?> OfferAsync(Lane lane, double perSecond, int seconds)
        {
            var lap = new Lap();
            var began = Stopwatch.GetTimestamp();
            var calls = new List<Task>();
            var total = (int)(perSecond * seconds);
            for (var i = 0; i < total; i++)
            {
                var due = i / perSecond;
                var ahead = due - Stopwatch.GetElapsedTime(began).TotalSeconds;
                if (ahead > 0.001)
                {
                    await Task.Delay(TimeSpan.FromSeconds(ahead));
                }

                calls.Add(CallAsync(lane, lap, began + (long)(due * Stopwatch.Frequency)));
            }

            await Task.WhenAll(calls);
            return lap;
        }

        /// <summary>Answers are timed from when they were due; a refusal by how long the decision took.</summary>
        private async Task CallAsync(Lane lane, Lap lap, long due)
        {
            var asked = Stopwatch.GetTimestamp();
            var pass = new AdmissionPass();
            var error = _gate.Enter(pass, Principal.System, lane, "m", _request, Environment.TickCount64, out _);
            var result = default(TicketResult);
            var ticket = default(Ticket);
            if (error.IsNone && !_scheduler.TryEnter("a/m", Slots, lane, out ticket))
            {
                result = await _scheduler.WaitAsync("a/m", lane, "f", 100, CancellationToken.None);
                ticket = result.Ticket;
            }

            if (!error.IsNone || result.Verdict == TicketVerdict.Full)
            {
                lap.Refuse(Stopwatch.GetElapsedTime(asked).TotalMilliseconds);
            }
            else
            {
                await Task.Delay(ServiceMs);
                ticket.Dispose();
                lap.Answer(Stopwatch.GetElapsedTime(due).TotalMilliseconds);
            }

            _gate.Leave(pass, 0, Environment.TickCount64);
        }
    }

    private sealed class Lap
    {
        private readonly Lock _gate = new();

        public List<double> Answered { get; } = [];
        public List<double> Refused { get; } = [];

        public void Answer(double ms)
        {
            lock (_gate)
            {
                Answered.Add(ms);
            }
        }

        public void Refuse(double ms)
        {
            lock (_gate)
            {
                Refused.Add(ms);
            }
        }

        public double At(List<double> values, double share)
        {
            lock (_gate)
            {
                values.Sort();
                return values.Count == 0 ? 0 : values[Math.Min(values.Count - 1, (int)(values.Count * share))];
            }
        }
    }
}
