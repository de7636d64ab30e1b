namespace Jesus.Inference.Engine.Backends;

/// <summary>
/// A backend that cannot be made (kernels missing, memory refused, a tensor type without a kernel) or a batch that breaks its rules, in words. The model host
/// turns the first kind into a value; the second is a broken invariant of the batcher.
/// </summary>
public sealed class BackendException(string message) : Exception(message);
