using Jesus.Inference.Engine.Native;

namespace Jesus.Inference.Engine.Backends;

/// <summary>What this machine can do at the moment, measured by the kernels' library; the limits that benches compare with.</summary>
/// <param name="ReadGbPerSecond">Reading memory, all threads together.</param>
/// <param name="Int8Tops">10^12 operations a second of the integer product's instructions (a multiply and an add are two).</param>
/// <param name="Fp32Tflops">The same of fp32 multiply-adds.</param>
/// <param name="Bf16Tflops">The same of the dot product of bfloat16 pairs; 0 where the processor has none.</param>
public readonly record struct MachineProbe(double ReadGbPerSecond, double Int8Tops, double Fp32Tflops, double Bf16Tflops)
{
    /// <summary>The best of <paramref name="repeats"/>, with <paramref name="bytes"/> read by each thread.</summary>
    /// <exception cref="BackendException">The kernels or the memory are missing.</exception>
    public static unsafe MachineProbe Measure(int threads, long bytes, int repeats, Isa isa = Isa.Auto)
    {
        NativeLibraryCheck.Require();
        NativeProbe result;
        NativeLibraryCheck.Check(NativeMethods.Probe((int)isa, threads, (ulong)bytes, repeats, &result), $"measuring the machine with {threads} threads");
        return new MachineProbe(result.ReadGbPerSecond, result.Int8Tops, result.Fp32Tflops, result.Bf16Tflops);
    }
}
