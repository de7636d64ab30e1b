using Jesus.Tests.Memory;
using Jesus.Transport.Buffers;

namespace Jesus.Transport.Tests.Buffers;

public sealed class Utf8ArenaTests
{
    [Fact]
    public void A_slice_stays_whole_while_later_copies_start_new_chunks()
    {
        using var arena = new Utf8Arena();
        var first = arena.Copy("grüße"u8);
        for (var i = 0; i < 100; i++)
        {
            arena.Copy(new string('x', 1000));
        }

        Assert.Equal("grüße", first.ToString());
    }

    [Fact]
    public void A_text_longer_than_a_chunk_is_kept_in_one_piece()
    {
        using var arena = new Utf8Arena();
        var text = new string('a', Utf8Arena.ChunkBytes * 3);
        Assert.Equal(text, arena.Copy(text).ToString());
    }

    [Fact]
    public void A_reset_arena_copies_again_without_allocating()
    {
        using var arena = new Utf8Arena();
        var text = "the same text each time"u8.ToArray();
        var allocated = Allocation.LeastOf(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                arena.Copy(text);
                arena.Reset();
            }
        });

        Assert.Equal(0, allocated);
    }
}
