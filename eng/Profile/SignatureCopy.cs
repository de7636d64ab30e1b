using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;

namespace Jesus.Profile;

/// <summary>Copies a method's signature from one file's metadata to another's: only the types' numbers differ (ECMA-335, II.23.2).</summary>
internal sealed class SignatureCopy(MetadataReader from, References to)
{
    private const byte ValueType = 0x11;
    private const byte Class = 0x12;
    private const byte GenericMethod = 0x10;

    /// <exception cref="FormatException">Something stands there that methods' signatures do not have.</exception>
    public BlobBuilder Copy(BlobHandle signature)
    {
        var reader = from.GetBlobReader(signature);
        var copy = new BlobBuilder();
        Method(ref reader, copy);
        return copy;
    }

    private void Method(ref BlobReader reader, BlobBuilder copy)
    {
        var header = reader.ReadByte();
        copy.WriteByte(header);
        if ((header & GenericMethod) != 0)
        {
            Number(ref reader, copy);
        }

        var parameters = Number(ref reader, copy);
        for (var i = 0; i <= parameters; i++)
        {
            Type(ref reader, copy);
        }
    }

    private void Type(ref BlobReader reader, BlobBuilder copy)
    {
        var code = reader.ReadByte();
        copy.WriteByte(code);
        switch (code)
        {
            case ValueType or Class:
                Named(ref reader, copy);
                break;
            case (byte)SignatureTypeCode.RequiredModifier or (byte)SignatureTypeCode.OptionalModifier:
                Named(ref reader, copy);
                Type(ref reader, copy);
                break;
            case (byte)SignatureTypeCode.Pointer or (byte)SignatureTypeCode.ByReference or (byte)SignatureTypeCode.SZArray or (byte)SignatureTypeCode.Pinned
                or (byte)SignatureTypeCode.Sentinel:
                Type(ref reader, copy);
                break;
            case (byte)SignatureTypeCode.GenericTypeParameter or (byte)SignatureTypeCode.GenericMethodParameter:
                Number(ref reader, copy);
                break;
            case (byte)SignatureTypeCode.GenericTypeInstance:
                Type(ref reader, copy);
                Many(ref reader, copy);
                break;
            case (byte)SignatureTypeCode.FunctionPointer:
                Method(ref reader, copy);
                break;
            case (byte)SignatureTypeCode.Array:
                Type(ref reader, copy);
                Shape(ref reader, copy);
                break;
        }
    }

    private void Many(ref BlobReader reader, BlobBuilder copy)
    {
        for (var left = Number(ref reader, copy); left > 0; left--)
        {
            Type(ref reader, copy);
        }
    }

    private void Named(ref BlobReader reader, BlobBuilder copy) =>
        copy.WriteCompressedInteger(CodedIndex.TypeDefOrRefOrSpec(to.Translate(from, reader.ReadTypeHandle())));

    private static int Number(ref BlobReader reader, BlobBuilder copy)
    {
        var number = reader.ReadCompressedInteger();
        copy.WriteCompressedInteger(number);
        return number;
    }

    private static void Shape(ref BlobReader reader, BlobBuilder copy)
    {
        Number(ref reader, copy);
        for (var sizes = Number(ref reader, copy); sizes > 0; sizes--)
        {
            Number(ref reader, copy);
        }

        for (var bounds = Number(ref reader, copy); bounds > 0; bounds--)
        {
            copy.WriteCompressedSignedInteger(reader.ReadCompressedSignedInteger());
        }
    }
}
