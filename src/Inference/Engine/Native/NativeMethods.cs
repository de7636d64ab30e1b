using System.Runtime.InteropServices;

namespace Jesus.Inference.Engine.Native;

/// <summary>
/// native/include/jesus_native.h, one to one (its structs: NativeStructs.cs): the only way into the kernels. All types are blittable, every call that can fail returns a
/// status, and sizes and meanings are documented in the header. Statically linked into the daemon; beside the tests it is libjesus_native.so.
/// </summary>
internal static unsafe partial class NativeMethods
{
    /// <summary>JN_ABI_VERSION of the header that this file mirrors.</summary>
    public const int AbiVersion = 3;

    /// <summary>JN_KV_BLOCK_POSITIONS.</summary>
    public const int KvBlockPositions = 16;

    private const string Library = "jesus_native";

    [LibraryImport(Library, EntryPoint = "jn_abi_version")]
    public static partial int GetAbiVersion();

    [LibraryImport(Library, EntryPoint = "jn_status_text")]
    public static partial byte* StatusText(int status);

    [LibraryImport(Library, EntryPoint = "jn_numerics")]
    public static partial byte* Numerics();

    [LibraryImport(Library, EntryPoint = "jn_isa_detect")]
    public static partial int IsaDetect();

    [LibraryImport(Library, EntryPoint = "jn_isa_name")]
    public static partial byte* IsaName(int isa);

    [LibraryImport(Library, EntryPoint = "jn_isa_available")]
    public static partial int IsaAvailable(int isa);

    [LibraryImport(Library, EntryPoint = "jn_model_create")]
    public static partial int ModelCreate(NativeShape* shape, NativeLayer* layers, NativeRope* ropes, NativeTensor* tensors, int tensorCount, int isa, nint* model);

    [LibraryImport(Library, EntryPoint = "jn_model_load")]
    public static partial int ModelLoad(nint model, int index, long firstRow, long rows, byte* data, ulong bytes);

    [LibraryImport(Library, EntryPoint = "jn_model_adapt")]
    public static partial int ModelAdapt(nint model, NativeLowRank* parts, int count);

    [LibraryImport(Library, EntryPoint = "jn_adapter_load")]
    public static partial int AdapterLoad(nint model, int index, int side, long firstRow, long rows, byte* data, ulong bytes);

    [LibraryImport(Library, EntryPoint = "jn_adapter_bytes")]
    public static partial ulong AdapterBytes(nint model);

    [LibraryImport(Library, EntryPoint = "jn_model_check")]
    public static partial int ModelCheck(nint model);

    [LibraryImport(Library, EntryPoint = "jn_model_isa")]
    public static partial int ModelIsa(nint model);

    [LibraryImport(Library, EntryPoint = "jn_model_bytes")]
    public static partial ulong ModelBytes(nint model);

    [LibraryImport(Library, EntryPoint = "jn_model_destroy")]
    public static partial void ModelDestroy(nint model);

    [LibraryImport(Library, EntryPoint = "jn_kv_block_bytes")]
    public static partial ulong KvBlockBytes(nint model, int type);

    [LibraryImport(Library, EntryPoint = "jn_kv_create")]
    public static partial int KvCreate(nint model, int type, int blocks, nint* kv);

    [LibraryImport(Library, EntryPoint = "jn_kv_destroy")]
    public static partial void KvDestroy(nint kv);

    [LibraryImport(Library, EntryPoint = "jn_executor_create")]
    public static partial int ExecutorCreate(nint model, int threads, int maxRows, nint* executor);

    [LibraryImport(Library, EntryPoint = "jn_forward")]
    public static partial int Forward(nint executor, nint kv, NativeBatch* batch);

    [LibraryImport(Library, EntryPoint = "jn_find_not_finite")]
    public static partial int FindNotFinite(nint executor, nint kv, NativeBatch* batch, int sequence, int* layer);

    [LibraryImport(Library, EntryPoint = "jn_executor_bytes")]
    public static partial ulong ExecutorBytes(nint executor);

    [LibraryImport(Library, EntryPoint = "jn_executor_destroy")]
    public static partial void ExecutorDestroy(nint executor);

    [LibraryImport(Library, EntryPoint = "jn_softmax")]
    public static partial int Softmax(float* values, int count);

    [LibraryImport(Library, EntryPoint = "jn_probe")]
    public static partial int Probe(int isa, int threads, ulong bytes, int repeats, NativeProbe* result);
}
