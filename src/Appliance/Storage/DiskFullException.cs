namespace Jesus.Appliance.Storage;

/// <summary>The volume has no room left; nothing of the write may be relied on.</summary>
public sealed class DiskFullException(string path, long freeBytes, Exception inner)
    : IOException($"No space left for {path}: {freeBytes} bytes free on its volume. Free some space (finished runs' artifacts, old models) and start again.", inner);
