using System.Globalization;

namespace Jesus.Transport.Wire;

/// <summary>Why bytes were refused: a value, since what a peer sends is no invariant of ours. <c>default</c> means nothing is wrong.</summary>
/// <param name="Fault">What is wrong.</param>
/// <param name="Field">The field being read, such as <c>InferRequest.turns.text</c>.</param>
/// <param name="Offset">Byte offset from the beginning of the message at which the field (or the length in question) begins.</param>
/// <param name="Value">The length, count, code or number found, where there is one.</param>
public readonly record struct WireError(WireFault Fault, string Field, int Offset, long Value = 0)
{
    public bool IsNone => Fault == WireFault.None;

    /// <summary>One line for logs; made only when somebody asks.</summary>
    public override string ToString() =>
        IsNone ? "" : string.Create(CultureInfo.InvariantCulture, $"{Field} at byte {Offset}: {Words} (found {Value})");

    private string Words => Fault switch
    {
        WireFault.Truncated => "the bytes end inside the value",
        WireFault.NegativeLength => "a length below zero",
        WireFault.LengthTooLarge => "a length beyond the bytes left or the limit",
        WireFault.TooManyMembers => "more members than this object has",
        WireFault.UnknownCode => "a code that begins no such value",
        WireFault.Null => "null where a value is needed",
        WireFault.UnknownTag => "a tag that names no type",
        WireFault.InvalidText => "text that is not valid UTF-8",
        WireFault.Utf16Text => "text in UTF-16; send UTF-8",
        WireFault.LengthMismatch => "a value shorter than its stated length",
        WireFault.OutOfRange => "a number outside its range",
        WireFault.TooDeep => "objects nested too deep",
        WireFault.TrailingBytes => "bytes after the end",
        _ => "unknown fault",
    };
}
