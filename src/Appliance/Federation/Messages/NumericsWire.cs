using Jesus.Inference.Contract;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Messages;

/// <summary>A <see cref="NumericsProfile"/> as a member; unknown is written with no bytes.</summary>
internal static class NumericsWire
{
    private const int Members = 4;

    public static void Numerics(this ref WireWriter writer, ref TolerantWrite scope, in NumericsProfile profile)
    {
        if (profile != default)
        {
            var inner = writer.BeginTolerant(Members);
            writer.Member(ref inner, profile.ModelHash);
            writer.Member(ref inner, profile.TemplateHash);
            writer.Member(ref inner, profile.KvType);
            writer.Member(ref inner, profile.Kernels);
            writer.EndTolerant(ref inner);
        }

        writer.EndMember(ref scope);
    }

    public static NumericsProfile ReadNumerics(this ref WireReader reader, string field)
    {
        if (!reader.BeginTolerantValue(field, out var scope))
        {
            return default;
        }

        var model = reader.Next(ref scope) ? reader.Read<ulong>(field) : 0;
        var template = reader.Next(ref scope) ? reader.Read<ulong>(field) : 0;
        var kv = reader.Next(ref scope) ? reader.Read<byte>(field) : (byte)0;
        var kernels = reader.Next(ref scope) ? reader.Read<byte>(field) : (byte)0;
        reader.EndTolerant(ref scope);
        return new NumericsProfile(model, template, kv, kernels);
    }
}
