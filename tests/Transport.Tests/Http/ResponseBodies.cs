using System.Text;
using Jesus.Transport.Http;

namespace Jesus.Transport.Tests.Http;

internal static class ResponseBodies
{
    /// <summary>The body to its end, or to where it breaks (<see cref="HttpResponse.Error"/>).</summary>
    public static async Task<string> ReadTextAsync(this HttpResponse response)
    {
        using var body = new MemoryStream();
        ReadOnlyMemory<byte> piece;
        while (!(piece = await response.ReadAsync()).IsEmpty)
        {
            body.Write(piece.Span);
        }

        return Encoding.UTF8.GetString(body.ToArray());
    }
}
