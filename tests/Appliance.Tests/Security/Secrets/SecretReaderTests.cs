using Jesus.Appliance.Security.Secrets;
using Jesus.Appliance.Storage;
using Jesus.Appliance.Tests.Storage;

namespace Jesus.Appliance.Tests.Security.Secrets;

public sealed class SecretReaderTests
{
    private readonly SimulatedDisk _disk = new(1);

    [Fact]
    public void A_secret_comes_from_the_environment_or_a_file_and_prints_as_stars()
    {
        using (var file = _disk.Open("/run/key", DiskOpen.CreateNew))
        {
            file.Write(0, "from-file\n"u8);
        }

        Assert.Equal("from-env", Read("env:KEY").Secret!.Reveal());
        var secret = Read("file:/run/key").Secret!;
        Assert.Equal("from-file", secret.Reveal());
        Assert.Equal("***", $"{secret}");
    }

    [Theory]
    [InlineData("env:MISSING", "MISSING is not set")]
    [InlineData("file:/run/missing", "cannot be read")]
    [InlineData("sk-literal-secret-in-the-file", "env:NAME or file:/path")]
    public void A_wrong_reference_says_what_to_do_and_does_not_repeat_a_literal(string reference, string expected)
    {
        var error = Read(reference).Error!;
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.DoesNotContain("literal-secret", error, StringComparison.Ordinal);
    }

    private (Secret? Secret, string? Error) Read(string reference) => new SecretReader(_disk, name => name == "KEY" ? "from-env" : null).Read(reference);
}
