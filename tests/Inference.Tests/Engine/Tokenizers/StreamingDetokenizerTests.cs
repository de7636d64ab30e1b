using System.Buffers;
using System.Text;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Tests.Engine.Tokenizers;

public sealed class StreamingDetokenizerTests(ITestOutputHelper output)
{
    private readonly StreamingDetokenizer _detokenizer = new(TokenizerSamples.Bytes());

    [Fact]
    public void A_character_comes_out_only_when_its_last_byte_has_come()
    {
        var euro = "€"u8;
        Assert.Equal("", Append(euro[..1]));
        Assert.Equal("", Append(euro[1..2]));
        Assert.True(_detokenizer.HoldsBytes);
        Assert.Equal("€", Append(euro[2..]));
        Assert.False(_detokenizer.HoldsBytes);
    }

    [Fact]
    public void A_character_that_never_ends_becomes_one_replacement_character()
    {
        Assert.Equal("a", Append([(byte)'a', 0xF0, 0x9F]));
        var rest = new ArrayBufferWriter<byte>();
        _detokenizer.Finish(rest);
        Assert.Equal("\uFFFD", Encoding.UTF8.GetString(rest.WrittenSpan));
    }

    [Fact]
    public void A_held_byte_followed_by_a_letter_is_replaced_and_the_letter_kept() =>
        Assert.Equal("\uFFFDb", Append([0xE2]) + Append("b"u8));

    [Fact]
    public void Whatever_the_cuts_the_text_is_that_of_the_whole()
    {
        var random = new Random(TestSeed.Next(output));
        for (var i = 0; i < 5000; i++)
        {
            var bytes = RandomBytes(random);
            var expected = Encoding.UTF8.GetString(bytes);
            var text = new StringBuilder();
            for (var at = 0; at < bytes.Length;)
            {
                var length = Math.Min(random.Next(1, 6), bytes.Length - at);
                text.Append(Append(bytes.AsSpan(at, length)));
                at += length;
            }

            var rest = new ArrayBufferWriter<byte>();
            _detokenizer.Finish(rest);
            text.Append(Encoding.UTF8.GetString(rest.WrittenSpan));
            Assert.Equal(expected, text.ToString());
        }
    }

    private static byte[] RandomBytes(Random random)
    {
        var bytes = Encoding.UTF8.GetBytes("añ語😀 z"[..random.Next(1, 4)] + "é€😀"[..random.Next(0, 3)]);
        if (random.Next(2) == 0 && bytes.Length > 0)
        {
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        }

        return bytes;
    }

    private string Append(ReadOnlySpan<byte> bytes)
    {
        var writer = new ArrayBufferWriter<byte>();
        _detokenizer.Append(bytes, writer);
        return Encoding.UTF8.GetString(writer.WrittenSpan);
    }
}
