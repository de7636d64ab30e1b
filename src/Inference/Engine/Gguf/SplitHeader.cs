namespace Jesus.Inference.Engine.Gguf;

/// <summary>
/// Reads the headers of all parts and makes one of them: the first says what the model is, each says which part it is (<c>split.no</c> from 0, <c>split.count</c>,
/// <c>split.tensors.count</c>) and where its tensors lie. A part that does not belong is refused by its path.
/// </summary>
internal static class SplitHeader
{
    private const string NumberKey = "split.no";
    private const string CountKey = "split.count";
    private const string TensorsKey = "split.tensors.count";

    public static GgufHeader Read(ModelSource source)
    {
        var first = GgufHeader.Read(source.PartAt(0), source.PathAt(0));
        CheckPart(source, 0, first.Metadata);
        if (source.PartCount == 1)
        {
            return first;
        }

        var tensors = new List<GgufTensorInfo>(first.Tensors);
        var parts = first.Tensors.ToDictionary(static tensor => tensor.Name, static _ => 0, StringComparer.Ordinal);
        for (var i = 1; i < source.PartCount; i++)
        {
            var header = GgufHeader.Read(source.PartAt(i), source.PathAt(i));
            CheckPart(source, i, header.Metadata);
            CheckTensorCount(header.Metadata, TensorCount(first.Metadata), source.PathAt(0));
            foreach (var tensor in header.Tensors)
            {
                if (!parts.TryAdd(tensor.Name, i))
                {
                    throw new GgufException(source.PathAt(i), tensor.FileOffset, tensor.Name,
                        $"this tensor is in {source.PathAt(parts[tensor.Name])} as well: one of the two is of another split.");
                }

                tensors.Add(tensor.Behind(source.StartOf(i)));
            }
        }

        return tensors.Count == TensorCount(first.Metadata)
            ? first.With(tensors)
            : throw first.Metadata.Error(TensorsKey,
                $"is {TensorCount(first.Metadata)}, but the {source.PartCount} parts have {tensors.Count} tensors: they are not of one split.");
    }

    private static void CheckPart(ModelSource source, int index, GgufMetadata metadata)
    {
        var count = metadata.OptionalInt(CountKey, source.PartCount == 1 ? 1 : 0);
        var number = metadata.OptionalInt(NumberKey, 0);
        if (source.PartCount == 1 && count > 1)
        {
            throw metadata.Error(CountKey, $"is {count}: the file is part {number + 1} of a model in {count} files. Name them as they were, "
                + $"{new SplitName("NAME", number + 1, count).PathOf(number + 1)} for this one, and put them into one folder.");
        }

        if (count != source.PartCount)
        {
            throw metadata.Error(CountKey, $"is {count}, but by its name the file is one of {source.PartCount}: it is of another split.");
        }

        if (number != index)
        {
            throw metadata.Error(NumberKey, $"is {number}, so that the file is part {number + 1}, but by its name it is part {index + 1}: it is a copy of another part.");
        }
    }

    private static int TensorCount(GgufMetadata metadata) => metadata.RequireInt(TensorsKey);

    private static void CheckTensorCount(GgufMetadata metadata, int expected, string first)
    {
        if (TensorCount(metadata) != expected)
        {
            throw metadata.Error(TensorsKey, $"is {TensorCount(metadata)}, but {first} says {expected}: they are of different splits.");
        }
    }
}
