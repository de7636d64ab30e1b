using System.Diagnostics;
using System.Text;
using Jesus.Appliance.Pipeline;
using Jesus.Inference.Contract;

namespace Jesus.Bench.Peers;

/// <summary>What became of the answers of a box that was killed.</summary>
/// <param name="Streams">Answers that it had in their middle.</param>
/// <param name="Exact">Those that came whole: text, end and usage of an answer that nobody was killed in.</param>
/// <param name="Rescued">Those that another box went on with.</param>
/// <param name="FirstTokenMs">From the kill to the first piece that the client did not have, in order.</param>
/// <param name="Problem">The first that was not exact, in words; empty when all were.</param>
public sealed record RescueFigures(int Streams, int Exact, int Rescued, IReadOnlyList<double> FirstTokenMs, string Problem)
{
    public double Percentile(int percent) => FirstTokenMs.Count == 0 ? 0 : FirstTokenMs[Math.Min(FirstTokenMs.Count - 1, FirstTokenMs.Count * percent / 100)];
}

/// <summary>
/// Three boxes over a real nats-server: one asks, one answers everything and is killed with all its answers in their middle, one goes on. Each answer is compared
/// with the same one of a box that lives.
/// </summary>
public static class RescueBench
{
    /// <summary>Only ends a hang.</summary>
    private static readonly TimeSpan HangMax = TimeSpan.FromSeconds(120);

    public static async Task RunAsync(TextWriter output, bool tiny)
    {
        if (!File.Exists(NatsProcess.Program))
        {
            await output.WriteLineAsync($"a box killed in the middle: not measured, {NatsProcess.Program} is not there (apt-get install nats-server)");
            return;
        }

        foreach (var streams in tiny ? [10] : new[] { 1, 10, 100 })
        {
            var figures = await KillAsync(streams);
            await output.WriteLineAsync(
                $"a box killed in the middle of {streams,3} answers: {figures.Rescued} rescued, {figures.Exact} exact; from the kill to the first token after it "
                + $"p50 {figures.Percentile(50):F0} ms, p99 {figures.Percentile(99):F0} ms{(figures.Problem.Length > 0 ? "; " + figures.Problem : "")}");
        }
    }

    public static async Task<RescueFigures> KillAsync(int streams)
    {
        await using var nats = NatsProcess.Start();
        await using var killed = await RescueBox.StartAsync("box-b", nats.Url);
        await using var rescuer = await RescueBox.StartAsync("box-c", nats.Url);
        await using var asker = await RescueBox.StartAsync("box-a", nats.Url, "box-b", "box-c");
        await UntilAsync(() => asker.Hub.Peers.Find("box-b") is { IsEligible: true } && asker.Hub.Peers.Find("box-c") is { IsEligible: true }, "the boxes do not see each other");
        var whole = await Task.WhenAll(Enumerable.Range(0, streams).Select(i => AskAsync(rescuer.Pipeline, i, new Answer())));
        killed.Engine!.WaitsAfter = static seed => 1 + (int)(seed % 23);
        var clients = Enumerable.Range(0, streams).Select(_ => new Answer()).ToArray();
        var answers = clients.Select((client, i) => AskAsync(asker.Pipeline, i, client)).ToArray();

        // Every client has a part, and no engine goes on with any.
        await UntilAsync(() => Array.TrueForAll(clients, client => client.HasPart) && killed.Engine.Waiting + answers.Count(answer => answer.IsCompleted) >= streams, "the answers do not begin");
        var at = Stopwatch.GetTimestamp();
        killed.Kill();
        return FiguresOf(whole, await Task.WhenAll(answers).WaitAsync(HangMax), at);
    }

    private static RescueFigures FiguresOf(Answer[] whole, Answer[] answers, long killed)
    {
        var problem = "";
        var (exact, rescued) = (0, 0);
        var delays = new List<double>();
        for (var i = 0; i < answers.Length; i++)
        {
            var why = answers[i].DiffersFrom(whole[i]);
            problem = problem.Length > 0 || why.Length == 0 ? problem : $"answer {i}: {why}";
            exact += why.Length == 0 ? 1 : 0;
            if (answers[i].IsRescued)
            {
                rescued++;
                delays.Add(Stopwatch.GetElapsedTime(killed, answers[i].FirstAfter(killed)).TotalMilliseconds);
            }
        }

        delays.Sort();
        return new RescueFigures(answers.Length, exact, rescued, delays, problem);
    }

    /// <summary>A long string, so that no answer ends by itself before its box does; drawn, each with its own seed; every fourth greedy.</summary>
    private static async Task<Answer> AskAsync(ModelPipeline pipeline, int number, Answer answer)
    {
        await Task.Yield();
        var call = new ModelCall { RouteName = "r", Api = "bench" };
        var request = call.Request;
        request.Turns.Add(TurnRole.User, request.Text.Copy($"Write something about {number}"));
        request.MaxOutputTokens = 48;
        request.Sampling = new Sampling { Temperature = number % 4 == 0 ? 0 : 1.2f, TopP = 0.95f, Seed = (ulong)number };
        request.Constraint.Kind = ConstraintKind.JsonSchema;
        request.Constraint.Source = request.Text.Copy("""{"type":"string","minLength":400}"""u8);
        answer.Outcome = await pipeline.RunAsync(call, answer, CancellationToken.None);
        answer.IsRescued = answer.Outcome.Succeeded && call.Decisions.Items.Any(decision => decision.Verdict.StartsWith("rescued by ", StringComparison.Ordinal));
        return answer;
    }

    private static async Task UntilAsync(Func<bool> happened, string otherwise)
    {
        for (var waited = Stopwatch.StartNew(); !happened(); await Task.Delay(5))
        {
            if (waited.Elapsed > HangMax)
            {
                throw new TimeoutException(otherwise);
            }
        }
    }

    private sealed class Answer : IAnswerSink
    {
        private readonly StringBuilder _text = new();
        private readonly List<long> _times = [];
        private int _starts;
        private int _ends;

        private volatile bool _hasPart;

        public Outcome Outcome { get; set; }
        public bool HasPart => _hasPart;

        /// <summary>Somebody went on with it after its client had a part.</summary>
        public bool IsRescued { get; set; }

        public ValueTask WriteAsync(ModelEvent item)
        {
            _starts += item.Kind == EventKind.Started ? 1 : 0;
            _ends += item.Kind == EventKind.Finished ? 1 : 0;
            if (item.Kind == EventKind.Text)
            {
                _text.Append(Encoding.UTF8.GetString(item.Utf8.Span));
                _times.Add(Stopwatch.GetTimestamp());
                _hasPart = true;
            }

            return ValueTask.CompletedTask;
        }

        private (int Input, int Output) Tokens => (Outcome.Usage.InputTokens, Outcome.Usage.OutputTokens);

        public long FirstAfter(long killed) => _times.Find(time => time > killed) is > 0 and var time ? time : Stopwatch.GetTimestamp();

        public string DiffersFrom(Answer whole) =>
            !Outcome.Succeeded ? $"{Outcome.Error.Cause}: {Outcome.Error.Message}"
            : !_text.Equals(whole._text) ? $"\"{_text}\" instead of \"{whole._text}\""
            : (_starts, _ends, Outcome.Reason) != (1, 1, whole.Outcome.Reason) ? $"{_starts} beginnings, {_ends} ends, {Outcome.Reason}"
            : IsRescued && Outcome.Attempts == 2 && Tokens != whole.Tokens ? $"usage {Tokens} instead of {whole.Tokens}" : "";
    }
}
