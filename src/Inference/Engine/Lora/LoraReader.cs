using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Lora;

/// <summary>
/// Reads an adapter's file against its base: <c>general.type</c> "adapter", <c>adapter.type</c> "lora", and for each matrix NAME of the base that it adapts the tensors
/// <c>NAME.lora_a</c> [columns, rank] and <c>NAME.lora_b</c> [rank, rows]. What the file holds beyond that is refused by name: an adapter without a part of it is another one.
/// </summary>
public sealed class LoraReader
{
    private const string DownSuffix = ".lora_a";
    private const string UpSuffix = ".lora_b";
    private const string TypeKey = "general.type";
    private const string KindKey = "adapter.type";
    private const string ArchitectureKey = "general.architecture";
    private const string AlphaKey = "adapter.lora.alpha";
    private const string ActivatedKey = "adapter.alora.invocation_tokens";

    private readonly GgufFile _file;
    private readonly ModelGraph _model;
    private readonly string _base;
    private readonly ILookup<string, ModelTensor> _places;
    private readonly float _alpha;

    private LoraReader(GgufFile file, ModelGraph model, string baseName)
    {
        (_file, _model, _base) = (file, model, baseName);
        CheckKind();
        _alpha = file.Metadata.RequireFloat(AlphaKey);
        if (!float.IsFinite(_alpha) || _alpha <= 0)
        {
            throw file.Metadata.Error(AlphaKey, $"is {_alpha}; a finite number above 0 is needed (it is divided by the rank).");
        }

        _places = model.Tensors.Where(tensor => !tensor.IsVector).ToLookup(tensor => tensor.Info.Name, StringComparer.Ordinal);
    }

    /// <param name="baseName">What requests call the base: for errors.</param>
    /// <exception cref="GgufException">The file is no LoRA adapter, not this base's, or not whole.</exception>
    public static LoraGraph Read(GgufFile file, ModelGraph model, string baseName) => new LoraReader(file, model, baseName).Read();

    private void CheckKind()
    {
        var metadata = _file.Metadata;
        Expect(TypeKey, "adapter", "this is no adapter");
        Expect(KindKey, "lora", "other kinds of adapters are not computed");
        Expect(ArchitectureKey, _model.Shape.Architecture, $"its base is another model than {_base}: name the base that it was trained on");
        if (metadata.Contains(ActivatedKey))
        {
            throw metadata.Error(ActivatedKey, "adapters that begin to act at certain tokens are not computed.");
        }
    }

    private void Expect(string key, string wanted, string meaning)
    {
        var value = _file.Metadata.RequireString(key);
        if (value != wanted)
        {
            throw _file.Metadata.Error(key, $"is \"{value}\", not \"{wanted}\": {meaning}.");
        }
    }

    private LoraGraph Read()
    {
        var parts = new List<LoraPart>();
        foreach (var tensor in _file.Tensors)
        {
            if (tensor.Name.EndsWith(DownSuffix, StringComparison.Ordinal))
            {
                var name = tensor.Name[..^DownSuffix.Length];
                AddParts(parts, name, tensor, Other(name + UpSuffix, tensor));
            }
            else if (tensor.Name.EndsWith(UpSuffix, StringComparison.Ordinal))
            {
                _ = Other(tensor.Name[..^UpSuffix.Length] + DownSuffix, tensor);
            }
            else
            {
                throw Wrong(tensor, $"is neither a matrix's {DownSuffix} nor its {UpSuffix}; nothing else of an adapter is computed. "
                    + "Convert the adapter without it, or merge it into the base.");
            }
        }

        return parts.Count > 0 ? new LoraGraph(_file, parts) : throw new GgufException(_file.Name, 0, "tensors", "there are none: an adapter without any changes nothing.");
    }

    private GgufTensorInfo Other(string name, GgufTensorInfo tensor) =>
        _file.TryGetTensor(name, out var other) ? other : throw Wrong(tensor, $"has no {name} beside it; both are needed. Convert the adapter again.");

    private void AddParts(List<LoraPart> parts, string name, GgufTensorInfo down, GgufTensorInfo up)
    {
        var places = _places[name].ToArray();
        if (places.Length == 0)
        {
            throw Wrong(down, $"adapts {name}, which {_base} does not have: name the base that the adapter was trained on.");
        }

        foreach (var place in places)
        {
            if (!IsAdaptable(place.Slot))
            {
                throw Wrong(down, $"adapts {name} ({place.Slot}); computed are adapters of attention's four matrices, of a feed-forward network's three and of the output. "
                    + "Merge this one into the base.");
            }
        }

        CheckShapes(places[0].Info, down, up);
        parts.AddRange(places.Select(place => new LoraPart(place.Slot, place.Layer, down, up, place.First, place.Count, _alpha / down.Rows)));
    }

    /// <summary>Down and up must fit the whole tensor of the base's file, of which fused ones are ranges of rows.</summary>
    private void CheckShapes(GgufTensorInfo matrix, GgufTensorInfo down, GgufTensorInfo up)
    {
        if (down.Dimensions.Count != 2 || up.Dimensions.Count != 2 || down.Columns != matrix.Columns || up.Rows != matrix.Rows || up.Columns != down.Rows)
        {
            throw Wrong(down, $"is {Text(down)}, and {up.Name} is {Text(up)}; beside {matrix.Name} of {_base}, which is {Text(matrix)}, "
                + $"[{matrix.Columns}, rank] and [rank, {matrix.Rows}] are needed: name the base that the adapter was trained on.");
        }

        if (down.Rows is < 1 or > LoraGraph.RankMax)
        {
            throw Wrong(down, $"has rank {down.Rows}; 1 to {LoraGraph.RankMax} are computed. Merge this adapter into the base.");
        }

        foreach (var side in (GgufTensorInfo[])[down, up])
        {
            if (side.Type is not (GgufTensorType.F32 or GgufTensorType.F16 or GgufTensorType.BF16 or GgufTensorType.Q8_0))
            {
                throw Wrong(side, $"has type {side.Type}; F32, F16, BF16 and Q8_0 are computed. Convert the adapter to one of them.");
            }
        }
    }

    private static bool IsAdaptable(WeightSlot slot) => slot is WeightSlot.Query or WeightSlot.Key or WeightSlot.Value or WeightSlot.AttentionOutput
        or WeightSlot.Gate or WeightSlot.Up or WeightSlot.Down or WeightSlot.Output;

    private static string Text(GgufTensorInfo tensor) => $"[{string.Join(", ", tensor.Dimensions)}]";

    private GgufException Wrong(GgufTensorInfo tensor, string problem) => new(_file.Name, tensor.FileOffset, tensor.Name, problem);
}
