using System.Globalization;
using System.Text;
using Jesus.Appliance.Federation.Messages;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Bench.Wire;

/// <summary>Messages of usual size.</summary>
internal static class Samples
{
    private const int PromptBytes = 2048;
    private const int Messages = 8;

    private static readonly int[] FourTokens = [278, 1734, 470, 1023];

    public static PlainRequest Plain()
    {
        var request = new PlainRequest
        {
            Id = new Guid("00112233-4455-6677-8899-aabbccddeeff"),
            Model = Text("llama-3-8b-instruct"),
            Tenant = Text("tenant-42"),
            MaxTokens = 512,
            Temperature = 0.7f,
            Seed = 1234,
            DeadlineUnixMs = 1_700_000_000_000,
            Stream = true,
            Prompt = Prompt(),
        };
        for (var i = 0; i < Messages; i++)
        {
            request.Items.Add((Text(i % 2 == 0 ? "user" : "assistant"), Text("message number " + i.ToString(CultureInfo.InvariantCulture)), i * 10));
        }

        return request;
    }

    /// <summary>The same question as the appliance asks it: a conversation of nine turns, ids, limits, a deadline.</summary>
    public static InferRequest Request()
    {
        var request = new InferRequest { Stream = 77, RemainingMs = 30_000, Hops = 1, Credit = 64, User = Text("alice"), Team = Text("research") };
        request.Visited.Add(Text("box-a"));
        request.Ask.Ids = new CallIds(Text("req_0123456789abcdef"), default, Text("key:3f9a"));
        request.Ask.Model = Text("llama-3-8b-instruct");
        request.Ask.Streams = true;
        request.Ask.MaxOutputTokens = 512;
        request.Ask.Sampling = new Sampling { Temperature = 0.7f, Seed = 1234, Given = SamplingFields.Temperature };
        request.Ask.Turns.Add(TurnRole.System, Prompt());
        for (var i = 0; i < Messages; i++)
        {
            request.Ask.Turns.Add(i % 2 == 0 ? TurnRole.User : TurnRole.Assistant, Text("message number " + i.ToString(CultureInfo.InvariantCulture)));
        }

        return request;
    }

    /// <summary>A piece of a streamed answer.</summary>
    public static InferEvent Event()
    {
        var message = new InferEvent { Stream = 77, Sequence = 12 };
        message.Take(new ModelEvent { Kind = EventKind.Text, Utf8 = Text(" a word or two").Memory, Tokens = new TokenSpan(FourTokens, default) });
        return message;
    }

    /// <summary>A box with eight models, no digests changed.</summary>
    public static PeerStatus Status()
    {
        var status = new PeerStatus { Incarnation = ulong.MaxValue / 3, Sequence = 1234, IntervalMs = 1000, Version = Text("0.1.0") };
        for (var i = 0; i < Messages; i++)
        {
            var model = status.AddModel();
            model.Name = Text("model-" + i.ToString(CultureInfo.InvariantCulture));
            model.ContextTokens = 32_768;
            model.Numerics = new NumericsProfile(0x0123456789ABCDEF, 0xFEDCBA9876543210, 1, 2);
            model.IsLoaded = true;
            model.FreeSlots = 3;
            model.TotalSlots = 4;
            model.FreeKvBlocks = 900;
            model.PrefillTokensPerSecond = 400;
            model.DecodeTokensPerSecond = 30;
            model.AgentDelayMs = 20;
            model.BatchDelayMs = 400;
        }

        return status;
    }

    private static Utf8Slice Prompt()
    {
        var bytes = new byte[PromptBytes];
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)('a' + (i % 26));
        }

        return new Utf8Slice(bytes);
    }

    private static Utf8Slice Text(string text) => new(Encoding.UTF8.GetBytes(text));
}
