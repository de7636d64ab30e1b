using Jesus.Appliance.Scheduler;

namespace Jesus.Appliance.Tests.Scheduler;

/// <summary>
/// Four times as much as a candidate can take, in simulated time: people are a half of what it can, steps of runs and batches the rest. What the bars ask is
/// read off: people wait no longer than the longest answer takes, whoever is turned away is so at once and told for how long, and nobody starves.
/// </summary>
public sealed class OverloadTests
{
    private const int Slots = 8;
    private const int AnswerMs = 1_000;
    private const int LongestMs = 3 * AnswerMs / 2;
    private const int StepMs = 5;
    private const int Seconds = 240;

    private long _now;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void At_four_times_the_load_people_keep_their_wait_and_refusals_take_no_time(int seed)
    {
#pragma warning disable RS0030 // The seed is the argument.
        var random = new Random(seed);
#pragma warning restore RS0030
        var scheduler = new TicketScheduler(new SchedulerOptions(), () => _now);
        Dictionary<Lane, Tally> tallies = new() { [Lane.Interactive] = new(0.5), [Lane.Agent] = new(1.5), [Lane.Batch] = new(2) };
        var running = new PriorityQueue<Ticket, long>();
        var waiting = new List<(Task<TicketResult> Task, Lane Lane, long Asked)>();
        for (_now = 0; _now < Seconds * 1_000; _now += StepMs)
        {
            while (running.TryPeek(out var ended, out var at) && at <= _now)
            {
                _ = running.Dequeue();
                ended.Dispose();
                TakeGranted();
            }

            foreach (var (lane, tally) in tallies)
            {
                if (random.NextDouble() < tally.Load * Slots * StepMs / AnswerMs)
                {
                    Arrive(lane, tally);
                }
            }
        }

        var people = tallies[Lane.Interactive];
        Assert.Equal(0, people.Refused);
        Assert.True(people.Percentile(99) <= LongestMs, $"people waited {people.Percentile(99)} ms");
        Assert.True(people.Percentile(50) <= AnswerMs / 2, $"people waited {people.Percentile(50)} ms");
        Assert.True(tallies[Lane.Agent].Refused > 0 && tallies[Lane.Batch].Refused > 0, "nobody was turned away at four times the load");
        Assert.All(tallies.Values, tally => Assert.True(tally.Waits.Count > 20, $"a lane starved: {tally.Waits.Count} calls of it came in"));

        void Arrive(Lane lane, Tally tally)
        {
            if (scheduler.TryEnter("a/m", Slots, lane, out var ticket))
            {
                Run(ticket, tally, 0);
                return;
            }

            var asked = scheduler.WaitAsync("a/m", lane, "flow", 100, CancellationToken.None).AsTask();
            if (!asked.IsCompleted)
            {
                waiting.Add((asked, lane, _now));
                return;
            }

            // At once: no queue, no timer, no other thread is between the question and the refusal.
            var refusal = asked.Result;
            Assert.Equal(TicketVerdict.Full, refusal.Verdict);
            Assert.True(refusal.ForeseenMs > 0, "a refusal that does not say for how long");
            tally.Refused++;
        }

        // A returned ticket goes to whoever waits: it is on its way to one of them.
        void TakeGranted()
        {
            while (running.Count < Slots && waiting.Count > 0)
            {
                var place = waiting.FindIndex(entry => entry.Task.IsCompleted);
                if (place < 0)
                {
                    Thread.Yield();
                    continue;
                }

                var (task, lane, asked) = waiting[place];
                waiting.RemoveAt(place);
                Run(task.Result.Ticket, tallies[lane], _now - asked);
            }
        }

        void Run(Ticket ticket, Tally tally, long waited)
        {
            tally.Waits.Add(waited);
            running.Enqueue(ticket, _now + (AnswerMs / 2) + random.Next(AnswerMs)); // half of the mean to LongestMs
        }
    }

    /// <param name="Load">Of what the candidate can take.</param>
    private sealed record Tally(double Load)
    {
        public List<long> Waits { get; } = [];
        public int Refused { get; set; }

        public long Percentile(int percent) => Waits.Order().ElementAt(Waits.Count * percent / 100);
    }
}
