using System.Reflection.Metadata;

namespace Jesus.Profile;

/// <summary>A method that was found where the profile says, unchanged in size.</summary>
internal sealed record FoundMethod(DefinedType Owner, TypeName OwnerName, string Name, MethodDefinition Definition);

/// <summary>From the runtime's text for a method to its definition.</summary>
internal sealed class MethodFinder(AssemblySet assemblies)
{
    /// <returns>None where it is gone, has changed, or cannot be told from another; several where assemblies share a source file.</returns>
    public IEnumerable<FoundMethod> Find(MethodProfile profile)
    {
        foreach (var (type, method) in Splits(profile.Name))
        {
            if (TypeName.TryParse(type, out var name) && assemblies.Find(DefinitionOf(name)) is { Count: > 0 } owners && owners.Any(o => o.Has(method)))
            {
                return owners.Select(o => (owner: o, definition: o.Method(method, profile.Signature, ParametersOf(profile.Signature), profile.IlBytes)))
                    .Where(f => f.definition is not null).Select(f => new FoundMethod(f.owner, name, method, f.definition!.Value));
            }
        }

        return [];
    }

    /// <summary>A method's name may itself have dots (".ctor", an interface's method): the longest type first.</summary>
    private static IEnumerable<(string Type, string Method)> Splits(string name)
    {
        for (var dot = name.LastIndexOf('.'); dot > 0; dot = name.LastIndexOf('.', dot - 1))
        {
            yield return (name[..dot], name[(dot + 1)..]);
        }
    }

    private static string DefinitionOf(TypeName name) => name.IsConstructedGenericType ? name.GetGenericTypeDefinition().FullName : name.FullName;

    /// <summary>Those between the parentheses that belong to no inner one.</summary>
    private static int ParametersOf(string signature)
    {
        var list = signature[(signature.IndexOf("  (", StringComparison.Ordinal) + 3)..^1];
        var (depth, count) = (0, list.Length == 0 ? 0 : 1);
        foreach (var letter in list)
        {
            depth += letter is '(' or '<' or '[' ? 1 : letter is ')' or '>' or ']' ? -1 : 0;
            count += letter == ',' && depth == 0 ? 1 : 0;
        }

        return count;
    }
}
