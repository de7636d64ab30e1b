using System.Runtime.InteropServices;
using Jesus.Inference.Engine.Backends;

namespace Jesus.Inference.Engine.Native;

/// <summary>Whether the kernels are there and speak this ABI, and the words for their status codes.</summary>
internal static unsafe class NativeLibraryCheck
{
    private static readonly Lazy<string?> Problem = new(Find);

    /// <summary>Why the kernels cannot be used; null when they can.</summary>
    public static string? WhyUnavailable => Problem.Value;

    public static void Require()
    {
        if (WhyUnavailable is { } problem)
        {
            throw new BackendException(problem);
        }
    }

    /// <summary>Throws <see cref="BackendException"/> unless the status is JN_OK.</summary>
    public static void Check(int status, string doing)
    {
        if (status != 0)
        {
            throw new BackendException($"{doing}: {Text(NativeMethods.StatusText(status))} (status {status}).");
        }
    }

    public static string Text(byte* utf8) => Marshal.PtrToStringUTF8((nint)utf8) ?? "";

    private static string? Find()
    {
        try
        {
            var version = NativeMethods.GetAbiVersion();
            return version == NativeMethods.AbiVersion
                ? null
                : $"libjesus_native has ABI version {version}, this build needs {NativeMethods.AbiVersion}: build both from one source (make native).";
        }
        catch (DllNotFoundException)
        {
            return "libjesus_native is missing: build it (make native) and keep it beside the program.";
        }
        catch (EntryPointNotFoundException)
        {
            return "libjesus_native is of another version: build both from one source (make native).";
        }
    }
}
