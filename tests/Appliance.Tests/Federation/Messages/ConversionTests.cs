using Jesus.Appliance.Federation.Messages;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Tests.Federation.Messages;

/// <summary>What a box asks and answers inside arrives at another as what it was.</summary>
public sealed class ConversionTests
{
    private const int Seeds = 1_000;

    /// <summary>The caller's raw body and what belongs to it stay at home; the deadline travels as time that is left, the rest as members of the message itself.</summary>
    private static readonly string[] AtHome = [".Body", ".BodyShape", ".BodyVersion", ".VerbatimOnly", ".Betas", ".Deadline", ".DataClass", ".Visited"];

    [Fact]
    public void A_thousand_requests_reach_the_other_box_as_they_were_asked()
    {
        using var sent = new InferRequest();
        using var received = new InferRequest();
        var asked = new ModelRequest();
        var arrived = new ModelRequest();
        for (var seed = 0; seed < Seeds; seed++)
        {
            asked.Reset();
            new MessageDice(seed).Fill(asked);
            sent.Reset();
            sent.Borrow(asked);
            Send(sent, received, seed);
            received.CopyTo(arrived, TimeProvider.System);
            Assert.True(Describe.Of(asked, AtHome) == Describe.Of(arrived, AtHome), $"seed {seed}: another request arrived");
        }
    }

    [Fact]
    public void A_thousand_events_reach_the_caller_as_they_were_written()
    {
        using var sent = new InferEvent();
        using var received = new InferEvent();
        for (var seed = 0; seed < Seeds; seed++)
        {
            var item = new MessageDice(seed).Event();
            sent.Reset();
            sent.Take(item);
            Send(sent, received, seed);
            Assert.Equal(InferEventKind.Item, received.Kind);
            Assert.True(Describe.Of(item) == Describe.Of(received.ToModelEvent()), $"seed {seed}: another event arrived");
        }
    }

    [Fact]
    public void A_thousand_results_reach_the_caller_as_they_ended()
    {
        using var sent = new InferEvent();
        using var received = new InferEvent();
        for (var seed = 0; seed < Seeds; seed++)
        {
            var result = new MessageDice(seed).Result();
            sent.Reset();
            sent.Take(result);
            Send(sent, received, seed);
            Assert.Equal(InferEventKind.Ended, received.Kind);
            Assert.Equal(result, received.ToResult());
        }
    }

    [Fact]
    public void The_time_that_is_left_becomes_a_deadline_by_the_other_boxs_clock()
    {
        var time = TimeProvider.System;
        using var message = new InferRequest { RemainingMs = 3_600_000 };
        var arrived = new ModelRequest();
        message.CopyTo(arrived, time);
        Assert.InRange(arrived.Deadline.Remaining(time), TimeSpan.FromMinutes(50), TimeSpan.FromMinutes(60));
        message.RemainingMs = 0;
        message.CopyTo(arrived, time);
        Assert.True(arrived.Deadline.IsNone);
    }

    [Fact]
    public void Log_probabilities_that_are_no_numbers_arrive_as_the_least_likely()
    {
        using var sent = new InferEvent();
        using var received = new InferEvent();
        TokenLogProb[] tokens = [new("a"u8.ToArray(), float.NegativeInfinity), new("b"u8.ToArray(), float.NaN)];
        sent.Take(new ModelEvent { Kind = EventKind.Text, LogProbs = tokens });
        Send(sent, received, 0);
        Assert.All(received.LogProbs.ToArray(), token => Assert.Equal(-9999, token.LogProb));
    }

    [Fact]
    public void More_alternatives_than_follow_are_refused()
    {
        using var sent = new InferEvent();
        using var received = new InferEvent();
        TokenLogProb[] tokens = [new("a"u8.ToArray(), -1, Alternatives: 2), new("b"u8.ToArray(), -2)];
        sent.Take(new ModelEvent { Kind = EventKind.Text, LogProbs = tokens });
        using var buffer = new PooledBuffer();
        var writer = new WireWriter(buffer);
        sent.Write(ref writer);
        Assert.True(writer.Complete());
        Assert.False(InferEvent.TryRead(buffer.Span, received, out var error));
        Assert.Equal("InferEvent.logProbs.alternatives", error.Field);
    }

    private static void Send(InferRequest from, InferRequest to, int seed)
    {
        using var buffer = new PooledBuffer();
        var writer = new WireWriter(buffer);
        from.Write(ref writer);
        Assert.True(writer.Complete());
        Assert.True(InferRequest.TryRead(buffer.Span, to, out var error), $"seed {seed}: {error}");
    }

    private static void Send(InferEvent from, InferEvent to, int seed)
    {
        using var buffer = new PooledBuffer();
        var writer = new WireWriter(buffer);
        from.Write(ref writer);
        Assert.True(writer.Complete());
        Assert.True(InferEvent.TryRead(buffer.Span, to, out var error), $"seed {seed}: {error}");
    }
}
