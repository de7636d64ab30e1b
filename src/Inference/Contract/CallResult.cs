namespace Jesus.Inference.Contract;

/// <summary>
/// The arithmetic that produced the tokens. Equal profiles give equal tokens on any box; <c>default</c> means unknown.
/// </summary>
/// <param name="ModelHash">First 8 bytes of the SHA-256 of the model file.</param>
/// <param name="TemplateHash">First 8 bytes of the SHA-256 of the chat template.</param>
/// <param name="KvType">Element type of the KV cache.</param>
/// <param name="Kernels">Kernel profile: integer kernels of AVX2 and AVX-512 share one.</param>
public readonly record struct NumericsProfile(ulong ModelHash, ulong TemplateHash, byte KvType, byte Kernels)
{
    public bool IsUnknown => ModelHash == 0;
}

/// <summary>How an adapter's call ended. Expected failures are values: <see cref="Error"/> is <c>default</c> on success.</summary>
public readonly record struct CallResult
{
    public ModelError Error { get; init; }
    public FinishReason Reason { get; init; }
    public Usage Usage { get; init; }
    public UsageQuality Quality { get; init; }
    public NumericsProfile Numerics { get; init; }

    public bool Succeeded => Error.IsNone;

    public static CallResult Failed(ErrorCause cause, string message, string? param = null) =>
        new() { Error = new ModelError(cause, message, param), Reason = FinishReason.Error };
}
