using Jesus.Transport.Buffers;

namespace Jesus.Inference.Contract;

/// <summary>Identifiers that travel with a call; never a secret.</summary>
/// <param name="Correlation">Shown to the client as its request id, and in logs and the journal.</param>
/// <param name="TraceParent">W3C trace context as received or made, empty when not traced.</param>
/// <param name="Principal">Who asks.</param>
public readonly record struct CallIds(Utf8Slice Correlation, Utf8Slice TraceParent = default, Utf8Slice Principal = default);
