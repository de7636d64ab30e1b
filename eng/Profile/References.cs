using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;

namespace Jesus.Profile;

/// <summary>References from the written file to types of other assemblies, each once.</summary>
internal sealed class References
{
    /// <summary>The compiler's stand-in for any reference type, in an assembly that exists for it only.</summary>
    private const string Canon = "System.__Canon";

    private readonly MetadataBuilder _metadata;
    private readonly AssemblySet _assemblies;
    private readonly Dictionary<string, AssemblyReferenceHandle> _byAssembly = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Scope, string Space, string Name), TypeReferenceHandle> _byType = [];

    public References(MetadataBuilder metadata, AssemblySet assemblies) => (_metadata, _assemblies) = (metadata, assemblies);

    /// <returns>A reference or a specification; null where a part of it is not there.</returns>
    public EntityHandle? TypeOf(TypeName name)
    {
        if (name.IsSimple && Definition(name.FullName) is { } plain)
        {
            return plain.Handle;
        }

        var signature = new BlobBuilder();
        return TryWrite(signature, name) ? _metadata.AddTypeSpecification(_metadata.GetOrAddBlob(signature)) : null;
    }

    /// <returns>The owner of a found method with its arguments.</returns>
    public EntityHandle? OwnerOf(FoundMethod method)
    {
        var reference = OfDefinition(method.Owner.Reader, method.Owner.Handle);
        if (!method.OwnerName.IsConstructedGenericType)
        {
            return reference;
        }

        var signature = new BlobBuilder();
        return TryWriteInstance(signature, reference, IsValueType(method.Owner), method.OwnerName)
            ? _metadata.AddTypeSpecification(_metadata.GetOrAddBlob(signature))
            : null;
    }

    /// <summary>A type as another assembly's signature names it.</summary>
    public EntityHandle Translate(MetadataReader from, EntityHandle handle) => handle.Kind switch
    {
        HandleKind.TypeDefinition => OfDefinition(from, (TypeDefinitionHandle)handle),
        HandleKind.TypeReference => OfReference(from, (TypeReferenceHandle)handle),
        _ => throw new FormatException("a signature names a type in a way that is not known here"),
    };

    private bool TryWrite(BlobBuilder signature, TypeName name)
    {
        if (name.IsArray)
        {
            signature.WriteByte((byte)SignatureTypeCode.SZArray);
            return name.GetArrayRank() == 1 && TryWrite(signature, name.GetElementType());
        }

        if (Primitives.CodeOf(name.FullName) is { } primitive)
        {
            signature.WriteByte((byte)primitive);
            return true;
        }

        if (Definition(name.IsConstructedGenericType ? name.GetGenericTypeDefinition().FullName : name.FullName) is not { } definition)
        {
            return false;
        }

        if (name.IsConstructedGenericType)
        {
            return TryWriteInstance(signature, definition.Handle, definition.IsValueType, name);
        }

        WriteClass(signature, definition.Handle, definition.IsValueType);
        return true;
    }

    private bool TryWriteInstance(BlobBuilder signature, EntityHandle definition, bool isValueType, TypeName name)
    {
        var arguments = name.GetGenericArguments();
        signature.WriteByte((byte)SignatureTypeCode.GenericTypeInstance);
        WriteClass(signature, definition, isValueType);
        signature.WriteCompressedInteger(arguments.Length);
        return arguments.All(a => TryWrite(signature, a));
    }

    private static void WriteClass(BlobBuilder signature, EntityHandle type, bool isValueType)
    {
        signature.WriteByte((byte)(isValueType ? SignatureTypeKind.ValueType : SignatureTypeKind.Class));
        signature.WriteCompressedInteger(CodedIndex.TypeDefOrRefOrSpec(type));
    }

    private (EntityHandle Handle, bool IsValueType)? Definition(string name) =>
        name == Canon ? (Reference("System.Private.Canon", AssemblyOf("System.Private.Canon", new Version(0, 0, 0, 0)), "System", "__Canon"), false)
        : _assemblies.Find(name) is [var type] ? (OfDefinition(type.Reader, type.Handle), IsValueType(type)) : null;

    private TypeReferenceHandle OfDefinition(MetadataReader reader, TypeDefinitionHandle handle)
    {
        var type = reader.GetTypeDefinition(handle);
        var (space, name) = (reader.GetString(type.Namespace), reader.GetString(type.Name));
        if (type.GetDeclaringType() is { IsNil: false } outer)
        {
            var scope = OfDefinition(reader, outer);
            return Reference($"#{MetadataTokens.GetToken(scope)}", scope, space, name);
        }

        var assembly = reader.GetAssemblyDefinition();
        var own = reader.GetString(assembly.Name);
        return Reference(own, AssemblyOf(own, assembly.Version), space, name);
    }

    private TypeReferenceHandle OfReference(MetadataReader reader, TypeReferenceHandle handle)
    {
        var type = reader.GetTypeReference(handle);
        var (space, name) = (reader.GetString(type.Namespace), reader.GetString(type.Name));
        if (type.ResolutionScope.Kind == HandleKind.TypeReference)
        {
            var scope = OfReference(reader, (TypeReferenceHandle)type.ResolutionScope);
            return Reference($"#{MetadataTokens.GetToken(scope)}", scope, space, name);
        }

        var assembly = reader.GetAssemblyReference((AssemblyReferenceHandle)type.ResolutionScope);
        var other = reader.GetString(assembly.Name);
        return Reference(other, AssemblyOf(other, assembly.Version), space, name);
    }

    private TypeReferenceHandle Reference(string key, EntityHandle scope, string space, string name)
    {
        if (!_byType.TryGetValue((key, space, name), out var reference))
        {
            reference = _metadata.AddTypeReference(scope, space.Length == 0 ? default : _metadata.GetOrAddString(space), _metadata.GetOrAddString(name));
            _byType.Add((key, space, name), reference);
        }

        return reference;
    }

    private AssemblyReferenceHandle AssemblyOf(string name, Version version)
    {
        if (!_byAssembly.TryGetValue(name, out var reference))
        {
            reference = _metadata.AddAssemblyReference(_metadata.GetOrAddString(name), version, default, default, default(AssemblyFlags), default);
            _byAssembly.Add(name, reference);
        }

        return reference;
    }

    private static bool IsValueType(DefinedType type)
    {
        var reader = type.Reader;
        var (space, name) = reader.GetTypeDefinition(type.Handle).BaseType switch
        {
            { IsNil: true } => ("", ""),
            { Kind: HandleKind.TypeReference } b when reader.GetTypeReference((TypeReferenceHandle)b) is var r => (reader.GetString(r.Namespace), reader.GetString(r.Name)),
            { Kind: HandleKind.TypeDefinition } b when reader.GetTypeDefinition((TypeDefinitionHandle)b) is var d => (reader.GetString(d.Namespace), reader.GetString(d.Name)),
            _ => ("", ""),
        };
        return space == "System" && (name == "Enum" || (name == "ValueType" && !reader.StringComparer.Equals(reader.GetTypeDefinition(type.Handle).Name, "Enum")));
    }
}
