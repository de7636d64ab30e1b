using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Jesus.Profile;

/// <summary>
/// Writes profiles in the form that the Native-AOT compiler reads (its option --mibc): an assembly that is never run, with one method of instructions for each assembly whose methods are told of.
/// For a method there stand: ldtoken METHOD; ldstr "InstrumentationDataStart"; four numbers for each record (a mask, IL offset, kind, count, other) and its values; ldstr
/// "InstrumentationDataEnd"; pop. A method AssemblyDictionary names them all. Source: the runtime's MIbcProfileParser.
/// </summary>
internal sealed class MibcWriter
{
    /// <summary>The mask that says all four numbers follow.</summary>
    private const int AllFour = 0xF;

    private const int MaxStack = 8;

    private readonly MetadataBuilder _metadata = new();
    private readonly MethodBodyStreamEncoder _bodies = new(new BlobBuilder());
    private readonly SortedDictionary<string, InstructionEncoder> _groups = new(StringComparer.Ordinal);
    private readonly MethodFinder _finder;
    private readonly References _references;
    private readonly HashSet<(EntityHandle Owner, string Name, BlobHandle Signature)> _told = [];

    public MibcWriter(AssemblySet assemblies)
    {
        _finder = new MethodFinder(assemblies);
        _references = new References(_metadata, assemblies);
    }

    /// <returns>False where the method is not as it was measured: then nothing is said of it.</returns>
    public bool TryAdd(MethodProfile profile)
    {
        var added = false;
        foreach (var method in _finder.Find(profile))
        {
            added |= TryAdd(method, profile);
        }

        return added;
    }

    private bool TryAdd(FoundMethod method, MethodProfile profile)
    {
        if (_references.OwnerOf(method) is not { } owner)
        {
            return false;
        }

        var reader = method.Owner.Reader;
        var signature = _metadata.GetOrAddBlob(new SignatureCopy(reader, _references).Copy(method.Definition.Signature));
        if (!_told.Add((owner, method.Name, signature)))
        {
            return false;
        }

        var il = GroupOf(reader.GetString(reader.GetAssemblyDefinition().Name));
        Token(il, _metadata.AddMemberReference(owner, _metadata.GetOrAddString(method.Name), signature));
        il.LoadString(_metadata.GetOrAddUserString("InstrumentationDataStart"));
        foreach (var edge in profile.Edges)
        {
            Record(il, edge.From, RecordKind.Edge, 1, edge.To);
            Number(il, edge.Count);
        }

        foreach (var call in profile.Calls)
        {
            Call(il, call);
        }

        il.LoadString(_metadata.GetOrAddUserString("InstrumentationDataEnd"));
        il.OpCode(ILOpCode.Pop);
        return true;
    }

    public void Save(string path)
    {
        _metadata.AddModule(0, _metadata.GetOrAddString(Path.GetFileName(path)), _metadata.GetOrAddGuid(Guid.Parse("6ce9f1ce-3f1c-4b0e-9d10-0f8f4c9a2f11")), default, default);
        _metadata.AddAssembly(_metadata.GetOrAddString(Path.GetFileNameWithoutExtension(path)), new Version(0, 0, 0, 0), default, default, default, AssemblyHashAlgorithm.None);
        _metadata.AddTypeDefinition(default, default, _metadata.GetOrAddString("<Module>"), default, MetadataTokens.FieldDefinitionHandle(1), MetadataTokens.MethodDefinitionHandle(1));
        var dictionary = new InstructionEncoder(new BlobBuilder());
        foreach (var (assembly, il) in _groups)
        {
            dictionary.LoadString(_metadata.GetOrAddUserString(assembly + ";"));
            Token(dictionary, Define($"Assemblies_{assembly}", il));
            dictionary.OpCode(ILOpCode.Pop);
        }

        Define("AssemblyDictionary", dictionary);
        var image = new BlobBuilder();
        new ManagedPEBuilder(new PEHeaderBuilder(), new MetadataRootBuilder(_metadata), _bodies.Builder, deterministicIdProvider: _ => default).Serialize(image);
        using var file = File.Create(path);
        image.WriteContentTo(file);
    }

    private void Call(InstructionEncoder il, TypesSeen call)
    {
        var times = call.Types.Sum(t => t.Times);
        Record(il, call.Offset, RecordKind.Passes, 1, (int)call.Flags);
        Number(il, call.Passes);
        Record(il, call.Offset, RecordKind.Types, times, (int)call.Flags);
        var unknown = 0;
        foreach (var (type, count) in call.Types)
        {
            // A type that is not there still has its share: a small number stands for it.
            var known = TypeName.TryParse(type, out var name) ? _references.TypeOf(name) : null;
            unknown += known is null ? 1 : 0;
            for (var i = 0; i < count; i++)
            {
                if (known is { } handle)
                {
                    Token(il, handle);
                }
                else
                {
                    il.LoadConstantI4(unknown);
                }
            }
        }
    }

    private InstructionEncoder GroupOf(string assembly)
    {
        if (!_groups.TryGetValue(assembly, out var group))
        {
            _groups.Add(assembly, group = new InstructionEncoder(new BlobBuilder()));
        }

        return group;
    }

    private MethodDefinitionHandle Define(string name, InstructionEncoder il)
    {
        var signature = new BlobBuilder();
        new BlobEncoder(signature).MethodSignature().Parameters(0, r => r.Void(), _ => { });
        return _metadata.AddMethodDefinition(MethodAttributes.Public | MethodAttributes.Static, MethodImplAttributes.IL, _metadata.GetOrAddString(name),
            _metadata.GetOrAddBlob(signature), _bodies.AddMethodBody(il, MaxStack), default);
    }

    private static void Record(InstructionEncoder il, int offset, int kind, int count, int other)
    {
        il.LoadConstantI4(AllFour);
        il.LoadConstantI4(offset);
        il.LoadConstantI4(kind);
        il.LoadConstantI4(count);
        il.LoadConstantI4(other);
    }

    private static void Number(InstructionEncoder il, long value)
    {
        if (value is >= int.MinValue and <= int.MaxValue)
        {
            il.LoadConstantI4((int)value);
        }
        else
        {
            il.LoadConstantI8(value);
        }
    }

    private static void Token(InstructionEncoder il, EntityHandle handle)
    {
        il.OpCode(ILOpCode.Ldtoken);
        il.Token(handle);
    }
}
