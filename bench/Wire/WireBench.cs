using System.Diagnostics;
using System.Globalization;
using Jesus.Appliance.Federation.Messages;
using Jesus.Transport.Buffers;
using Jesus.Transport.Wire;

namespace Jesus.Bench.Wire;

/// <summary>
/// Writing and reading messages between boxes, beside what copying the same bytes takes on this machine (the limit of writing, and of reading into memory of one's own).
/// Rounds go over all rows; figures are medians.
/// </summary>
public static class WireBench
{
    /// <summary>What MemoryPack's generated code was measured to take for the plain request on a quiet machine of this kind: the package itself does not restore here.</summary>
    private const double PublishedWriteNs = 180;
    private const double PublishedReadNs = 530;
    private const double PublishedReadBytes = 5_528;
    private const int Batch = 200;

    public static void Run(WireBenchOptions options, TextWriter output)
    {
        var rows = Rows();
        foreach (var row in rows)
        {
            _ = row.Measure(options.Milliseconds);
        }

        for (var round = 0; round < options.Rounds; round++)
        {
            foreach (var row in rows)
            {
                row.Add(row.Measure(options.Milliseconds));
            }
        }

        Print(rows, output);
    }

    private static List<Row> Rows()
    {
        var rows = new List<Row>();
        var plain = Samples.Plain();
        Add(
            rows, "plain request", PublishedWriteNs, PublishedReadNs,
            (ref WireWriter writer) => plain.Write(ref writer),
            body => Check(plain.TryRead(body, out var error), error));
        var request = Samples.Request();
        var requestRead = new InferRequest();
        Add(
            rows, "InferRequest", PublishedWriteNs, PublishedReadNs,
            (ref WireWriter writer) => request.Write(ref writer),
            body => Check(InferRequest.TryRead(body, requestRead, out var error), error));
        var item = Samples.Event();
        var itemRead = new InferEvent();
        Add(rows, "InferEvent", 0, 0, (ref WireWriter writer) => item.Write(ref writer), body => Check(InferEvent.TryRead(body, itemRead, out var error), error));
        var status = Samples.Status();
        var statusRead = new PeerStatus();
        Add(rows, "PeerStatus", 0, 0, (ref WireWriter writer) => status.Write(ref writer), body => Check(PeerStatus.TryRead(body, statusRead, out var error), error));
        return rows;
    }

    private static void Add(List<Row> rows, string name, double writeBar, double readBar, WriteOne write, ReadOne read)
    {
        var buffer = new PooledBuffer();
        Write(buffer, write);
        var body = buffer.Span.ToArray();
        var copy = new byte[body.Length];
        rows.Add(new Row(name + " copy", body.Length, 0, () =>
        {
            for (var i = 0; i < Batch; i++)
            {
                body.AsSpan().CopyTo(copy);
            }
        }));
        rows.Add(new Row(name + " write", body.Length, writeBar, () =>
        {
            for (var i = 0; i < Batch; i++)
            {
                Write(buffer, write);
            }
        }));
        rows.Add(new Row(name + " read", body.Length, readBar, () =>
        {
            for (var i = 0; i < Batch; i++)
            {
                read(body);
            }
        }));
    }

    private static void Write(PooledBuffer buffer, WriteOne write)
    {
        buffer.Reset();
        var writer = new WireWriter(buffer);
        write(ref writer);
        Check(writer.Complete(), default);
    }

    private static void Check(bool done, in WireError error)
    {
        if (!done)
        {
            throw new InvalidOperationException($"a message of the bench was refused: {error}");
        }
    }

    private static void Print(List<Row> rows, TextWriter output)
    {
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{"message",-22}{"bytes",7}{"copy ns",10}{"ns",10}{"x copy",8}{"B/op",7}{"MemoryPack, stated",24}{"ratio",8}"));
        for (var i = 0; i < rows.Count; i += 3)
        {
            Line(rows[i], rows[i + 1], output);
            Line(rows[i], rows[i + 2], output);
        }

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"bars: write <= {PublishedWriteNs} ns, read <= {PublishedReadNs} ns, 0 B both (MemoryPack: 0 B and {PublishedReadBytes:N0} B), on a quiet machine"));
    }

    private static void Line(Row copy, Row row, TextWriter output)
    {
        var published = row.Published > 0 ? string.Create(CultureInfo.InvariantCulture, $"{row.Published,21:N0} ns{row.Median / row.Published,8:N2}") : "";
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{row.Name,-22}{row.Bytes,7}{copy.Median,10:N0}{row.Median,10:N0}{row.Median / copy.Median,8:N1}{row.AllocatedEach,7:N0}{published}"));
    }

    private delegate void WriteOne(ref WireWriter writer);

    private delegate void ReadOne(ReadOnlySpan<byte> body);

    private sealed class Row(string name, int bytes, double published, Action batch)
    {
        private readonly List<double> _nanoseconds = [];
        private double _allocated;
        private double _operations;

        public string Name => name;
        public int Bytes => bytes;
        public double Published => published;
        public double Median => _nanoseconds.Order().ElementAt(_nanoseconds.Count / 2);
        public double AllocatedEach => _allocated / _operations;

        public void Add(double nanoseconds) => _nanoseconds.Add(nanoseconds);

        public double Measure(int milliseconds)
        {
            var allocated = GC.GetAllocatedBytesForCurrentThread();
            var operations = 0L;
            var begun = Stopwatch.GetTimestamp();
            double elapsed;
            do
            {
                batch();
                operations += Batch;
                elapsed = Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
            }
            while (elapsed < milliseconds);
            _allocated += GC.GetAllocatedBytesForCurrentThread() - allocated;
            _operations += operations;
            return elapsed * 1e6 / operations;
        }
    }
}
