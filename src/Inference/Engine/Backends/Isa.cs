namespace Jesus.Inference.Engine.Backends;

/// <summary>Instruction set of the CPU kernels; <see cref="Auto"/> takes the best the CPU has (or JESUS_ISA=generic|avx2|avx512).</summary>
public enum Isa
{
    Auto = 0,
    Generic = 1,
    Avx2 = 2,
    Avx512 = 3,
}
