namespace Jesus.Inference.Engine.Native;

/// <summary>What the kernels say about themselves.</summary>
public static unsafe class KernelInfo
{
    /// <summary>The instruction set that the kernels would choose on this processor, such as <c>avx2</c>.</summary>
    public static string InstructionSet => NativeLibraryCheck.Text(NativeMethods.IsaName(NativeMethods.IsaDetect()));
}
