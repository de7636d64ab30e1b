using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>Reads image blocks. The request's form of an image is a URL, so one that is in the body becomes a <c>data:</c> URL.</summary>
internal static class MessageImages
{
    /// <summary>The image; one that only its provider can fetch (a <c>file</c>) has no text, and has been noted as such.</summary>
    public static bool Read(ref MessagesReader body, in FieldPath at, out TurnPart part)
    {
        part = default;
        Utf8Slice url = default;
        var (mark, given) = (CacheMark.None, false);
        while (body.Reader.Read() && body.Reader.TokenType == JsonTokenType.PropertyName)
        {
            given |= body.Reader.ValueTextEquals("source"u8);
            var ok = body.Reader.ValueTextEquals("source"u8) ? NextSource(ref body, at, out url)
                : body.Reader.ValueTextEquals("type"u8) ? body.SkipNext()
                : body.Reader.ValueTextEquals("cache_control"u8) ? body.NextCacheMark(at, out mark) : body.UnknownIn(at, "");
            if (!ok)
            {
                return false;
            }
        }

        part = new TurnPart(PartKind.Image, url) { Cache = mark };
        return given || body.Missing(at, "source");
    }

    private static bool NextSource(ref MessagesReader body, in FieldPath at, out Utf8Slice url)
    {
        url = default;
        if (!body.NextIsGiven() || body.Reader.TokenType != JsonTokenType.StartObject)
        {
            return body.WrongType(at, "source", "an object");
        }

        Utf8Slice type = default, media = default, data = default, link = default, file = default;
        while (body.Reader.Read() && body.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = body.Reader.ValueTextEquals("type"u8) ? body.NextText(at, "source.type", out type)
                : body.Reader.ValueTextEquals("media_type"u8) ? body.NextText(at, "source.media_type", out media)
                : body.Reader.ValueTextEquals("data"u8) ? body.NextText(at, "source.data", out data)
                : body.Reader.ValueTextEquals("url"u8) ? body.NextText(at, "source.url", out link)
                : body.Reader.ValueTextEquals("file_id"u8) ? body.NextText(at, "source.file_id", out file) : body.UnknownIn(at, "source");
            if (!ok)
            {
                return false;
            }
        }

        if (type.Equals("file"u8))
        {
            return file.IsEmpty ? body.Missing(at, "source.file_id") : body.Verbatim(at, "source.type (file)");
        }

        if (type.Equals("url"u8))
        {
            url = link;
            return link.Span.StartsWith("https://"u8) || body.Fail(at, "source.url", "must begin with https://.");
        }

        if (!type.Equals("base64"u8))
        {
            return body.Fail(at, "source.type", "must be base64, url or file.");
        }

        url = DataUrl(body.Request.Text, media, data);
        return !IsImage(media) ? body.Fail(at, "source.media_type", "must be image/jpeg, image/png, image/gif or image/webp.")
            : !data.IsEmpty || body.Missing(at, "source.data");
    }

    private static bool IsImage(Utf8Slice media) =>
        media.Equals("image/jpeg"u8) || media.Equals("image/png"u8) || media.Equals("image/gif"u8) || media.Equals("image/webp"u8);

    private static Utf8Slice DataUrl(Utf8Arena arena, Utf8Slice media, Utf8Slice data)
    {
        var memory = arena.Allocate("data:"u8.Length + media.Length + ";base64,"u8.Length + data.Length);
        var rest = memory.Span;
        Append(ref rest, "data:"u8);
        Append(ref rest, media.Span);
        Append(ref rest, ";base64,"u8);
        Append(ref rest, data.Span);
        return new Utf8Slice(memory);
    }

    private static void Append(ref Span<byte> rest, ReadOnlySpan<byte> text)
    {
        text.CopyTo(rest);
        rest = rest[text.Length..];
    }
}
