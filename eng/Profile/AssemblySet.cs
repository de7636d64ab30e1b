using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Jesus.Profile;

/// <summary>The assemblies that are compiled together, and their types by name.</summary>
public sealed class AssemblySet : IDisposable
{
    private readonly List<PEReader> _files = [];
    private readonly Dictionary<string, List<DefinedType>> _types = new(StringComparer.Ordinal);

    /// <exception cref="IOException">One cannot be read.</exception>
    public static AssemblySet Open(IEnumerable<string> paths)
    {
        var set = new AssemblySet();
        foreach (var path in paths.Where(p => p.Length > 0).Distinct(StringComparer.Ordinal))
        {
            set.Add(path);
        }

        return set;
    }

    /// <summary>Those of that name: several assemblies may have one for themselves.</summary>
    public IReadOnlyList<DefinedType> Find(string name) => _types.GetValueOrDefault(name) ?? [];

    public void Dispose() => _files.ForEach(f => f.Dispose());

    private void Add(string path)
    {
        var file = new PEReader(File.OpenRead(path));
        _files.Add(file);
        if (!file.HasMetadata || file.GetMetadataReader() is not { IsAssembly: true } reader)
        {
            return;
        }

        foreach (var handle in reader.TypeDefinitions)
        {
            var name = NameOf(reader, handle);
            if (!_types.TryGetValue(name, out var same))
            {
                _types.Add(name, same = []);
            }

            same.Add(new DefinedType(file, reader, handle));
        }
    }

    /// <summary>A type's name with its namespace, where it has one; an inner type has none.</summary>
    internal static string NameOf(MetadataReader reader, StringHandle space, StringHandle name) =>
        space.IsNil ? reader.GetString(name) : $"{reader.GetString(space)}.{reader.GetString(name)}";

    private static string NameOf(MetadataReader reader, TypeDefinitionHandle handle)
    {
        var type = reader.GetTypeDefinition(handle);
        var name = NameOf(reader, type.Namespace, type.Name);
        return type.GetDeclaringType() is { IsNil: false } outer ? $"{NameOf(reader, outer)}+{name}" : name;
    }
}

/// <summary>A type where it is defined.</summary>
public sealed record DefinedType(PEReader File, MetadataReader Reader, TypeDefinitionHandle Handle)
{
    /// <summary>The one method of that name and size with as many parameters, or with the very signature where there are several; null where it cannot be told.</summary>
    public MethodDefinition? Method(string name, string signature, int parameters, int ilBytes)
    {
        var alike = Reader.GetTypeDefinition(Handle).GetMethods().Select(Reader.GetMethodDefinition).Where(m => m.RelativeVirtualAddress != 0
            && Reader.StringComparer.Equals(m.Name, name) && m.GetGenericParameters().Count == 0 && ParametersOf(m) == parameters
            && File.GetMethodBody(m.RelativeVirtualAddress).GetILReader().Length == ilBytes).ToList();
        var same = alike.Count > 1 ? alike.FindAll(m => SignatureText.Of(m) == signature) : alike;
        return same.Count == 1 ? same[0] : null;
    }

    public bool Has(string method) =>
        Reader.GetTypeDefinition(Handle).GetMethods().Any(h => Reader.StringComparer.Equals(Reader.GetMethodDefinition(h).Name, method));

    private int ParametersOf(MethodDefinition method)
    {
        var signature = Reader.GetBlobReader(method.Signature);
        signature.ReadSignatureHeader();
        return signature.ReadCompressedInteger();
    }
}
