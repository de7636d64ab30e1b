using System.Runtime.InteropServices;
using Jesus.Transport.Buffers;
using Jesus.Transport.Wire;

namespace Jesus.Bench.Wire;

/// <summary>The object with which MemoryPack's own figures were taken (its generated code, a plain object): 11 members, a prompt of 2 KB, 8 messages.</summary>
internal sealed class PlainRequest : IDisposable
{
    private readonly PooledBuffer _body = new();

    public Guid Id { get; set; }
    public Utf8Slice Model { get; set; }
    public Utf8Slice Tenant { get; set; }
    public int MaxTokens { get; set; }
    public float Temperature { get; set; }
    public int Seed { get; set; }
    public long DeadlineUnixMs { get; set; }
    public bool Stream { get; set; }
    public Utf8Slice Prompt { get; set; }
    public List<(Utf8Slice Role, Utf8Slice Content, int Tokens)> Items { get; } = [];

    public void Write(ref WireWriter writer)
    {
        writer.WriteObjectHeader(11);
        writer.Write(Id);
        writer.WriteUtf8(Model.Span);
        writer.WriteUtf8(Tenant.Span);
        writer.Write(MaxTokens);
        writer.Write(Temperature);
        writer.Write(Seed);
        writer.Write(DeadlineUnixMs);
        writer.Write(Stream);
        writer.WriteUtf8(Prompt.Span);
        writer.WriteCount(Items.Count);

        // As MemoryPack's generated code goes through a list: without a copy of each element.
        foreach (ref readonly var item in CollectionsMarshal.AsSpan(Items))
        {
            writer.WriteObjectHeader(3);
            writer.WriteUtf8(item.Role.Span);
            writer.WriteUtf8(item.Content.Span);
            writer.Write(item.Tokens);
        }

        writer.WriteNullCollection();
    }

    public bool TryRead(ReadOnlySpan<byte> body, out WireError error)
    {
        Items.Clear();
        _body.Reset();
        _body.Write(body);
        var reader = new WireReader(_body.Memory);
        _ = reader.ReadObjectHeader("request", 11);
        Id = reader.Read<Guid>("id");
        Model = reader.ReadText("model");
        Tenant = reader.ReadText("tenant");
        MaxTokens = reader.Read<int>("maxTokens");
        Temperature = reader.Read<float>("temperature");
        Seed = reader.Read<int>("seed");
        DeadlineUnixMs = reader.Read<long>("deadline");
        Stream = reader.ReadBool("stream");
        Prompt = reader.ReadText("prompt");
        var items = reader.ReadCount("items", 1);
        for (var i = 0; i < items && !reader.Failed; i++)
        {
            _ = reader.ReadObjectHeader("items", 3);
            var role = reader.ReadText("items.role");
            var content = reader.ReadText("items.content");
            Items.Add((role, content, reader.Read<int>("items.tokens")));
        }

        _ = reader.ReadCount("tags", 2);
        return reader.Finish("request", out error);
    }

    public void Dispose() => _body.Dispose();
}
