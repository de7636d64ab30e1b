using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Local;

/// <summary>Names the beginnings of a request's prompt for a model, the shortest first, so that others can ask for what the engine has read; returns how many.</summary>
public delegate int PrefixNamer(string model, ModelRequest request, Span<PrefixName> names);
