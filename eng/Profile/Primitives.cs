using System.Reflection.Metadata;

namespace Jesus.Profile;

/// <summary>The types that a signature has a code of its own for (ECMA-335, II.23.1.16).</summary>
internal static class Primitives
{
    public static SignatureTypeCode? CodeOf(string name) => name switch
    {
        "System.Boolean" => SignatureTypeCode.Boolean,
        "System.Char" => SignatureTypeCode.Char,
        "System.SByte" => SignatureTypeCode.SByte,
        "System.Byte" => SignatureTypeCode.Byte,
        "System.Int16" => SignatureTypeCode.Int16,
        "System.UInt16" => SignatureTypeCode.UInt16,
        "System.Int32" => SignatureTypeCode.Int32,
        "System.UInt32" => SignatureTypeCode.UInt32,
        "System.Int64" => SignatureTypeCode.Int64,
        "System.UInt64" => SignatureTypeCode.UInt64,
        "System.IntPtr" => SignatureTypeCode.IntPtr,
        "System.UIntPtr" => SignatureTypeCode.UIntPtr,
        "System.Single" => SignatureTypeCode.Single,
        "System.Double" => SignatureTypeCode.Double,
        "System.String" => SignatureTypeCode.String,
        "System.Object" => SignatureTypeCode.Object,
        _ => null,
    };
}
