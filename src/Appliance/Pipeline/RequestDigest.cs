using System.Security.Cryptography;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

/// <summary>SHA-256 of what was asked: the body as received, or roles and parts of a request that was built inside.</summary>
internal static class RequestDigest
{
    [ThreadStatic]
    private static IncrementalHash? _hash;

    public static void Write(ModelRequest request, Span<byte> sha256)
    {
        if (!request.Body.IsEmpty)
        {
            SHA256.HashData(request.Body.Span, sha256);
            return;
        }

        var hash = _hash ??= IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var i = 0; i < request.Turns.Count; i++)
        {
            hash.AppendData([(byte)request.Turns[i].Role]);
            foreach (var part in request.Turns.PartsOf(i))
            {
                hash.AppendData([(byte)part.Kind]);
                hash.AppendData(part.Id.Span);
                hash.AppendData(part.Name.Span);
                hash.AppendData(part.Text.Span);
            }
        }

        hash.GetHashAndReset(sha256);
    }
}
