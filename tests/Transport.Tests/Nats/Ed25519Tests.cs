using System.Security.Cryptography;
using Jesus.Transport.Nats.Auth;

namespace Jesus.Transport.Tests.Nats;

/// <summary>RFC 8032, section 7.1.</summary>
public sealed class Ed25519Tests
{
    [Theory]
    [InlineData(
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")]
    [InlineData(
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")]
    [InlineData(
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")]
    [InlineData(
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704")]
    public void It_signs_as_the_standard_has_it(string seed, string publicKey, string message, string signature)
    {
        Assert.Equal(publicKey, Convert.ToHexStringLower(Ed25519.PublicKey(Convert.FromHexString(seed))));
        Assert.Equal(signature, Convert.ToHexStringLower(Ed25519.Sign(Convert.FromHexString(seed), Convert.FromHexString(message))));
    }

    /// <summary>The digest was made with another implementation (OpenSSL's) over the same keys and messages.</summary>
    [Fact]
    public void Two_hundred_keys_and_messages_give_what_another_implementation_gives()
    {
        using var all = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var i = 0; i < 200; i++)
        {
            var seed = SHA256.HashData(BitConverter.GetBytes(i));
            var message = new byte[i];
            for (var j = 0; j < i; j++)
            {
                message[j] = (byte)(i * j);
            }

            all.AppendData(Ed25519.PublicKey(seed));
            all.AppendData(Ed25519.Sign(seed, message));
        }

        Assert.Equal("3f66849046233ad03edaf179fe22050f47c8ea42f67f49b8967bc4001eca4769", Convert.ToHexStringLower(all.GetHashAndReset()));
    }

    [Fact]
    public void A_nkey_signs_and_names_itself_as_nats_has_it()
    {
        // A user's seed made with nsc's own alphabet and checksum: kind, key and checksum round trip.
        var seed = RandomNumberGenerator.GetBytes(32);
        var raw = new byte[36];
        raw[0] = 0x90 | (0xA0 >> 5);
        raw[1] = 0;
        seed.CopyTo(raw, 2);
        var crc = Crc16(raw.AsSpan(0, 34));
        raw[34] = (byte)crc;
        raw[35] = (byte)(crc >> 8);
        var text = Nkey.Encode(raw);
        Assert.StartsWith("SU", text, StringComparison.Ordinal);
        Assert.Equal(seed, Nkey.ReadSeed(text).Seed);
        Assert.StartsWith("U", Nkey.PublicText(seed), StringComparison.Ordinal);
        Assert.Equal(56, Nkey.PublicText(seed).Length);
        Assert.Null(Nkey.ReadSeed(text[..40] + (text[40] == 'A' ? 'B' : 'A') + text[41..]).Seed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("SUAAAA")]
    [InlineData("su!not-base32")]
    public void A_seed_that_is_none_is_refused_without_repeating_it(string text)
    {
        var (seed, error) = Nkey.ReadSeed(text);
        Assert.Null(seed);
        Assert.True(text.Length == 0 || !error!.Contains(text, StringComparison.Ordinal));
    }

    [Fact]
    public void The_sections_of_a_credentials_file_are_found()
    {
        const string Text = "-----BEGIN NATS USER JWT-----\neyJ0.abc.d-f_\n------END NATS USER JWT------\n\nIMPORTANT\n\n-----BEGIN USER NKEY SEED-----\nSUABC\n------END USER NKEY SEED------\n";
        Assert.Equal("eyJ0.abc.d-f_", NatsIdentity.Section(Text, "NATS USER JWT"));
        Assert.Equal("SUABC", NatsIdentity.Section(Text.Replace("\n", "\r\n", StringComparison.Ordinal), "USER NKEY SEED"));
        Assert.Equal("", NatsIdentity.Section(Text, "NO SUCH"));
        Assert.Equal("", NatsIdentity.Section("-----BEGIN NATS USER JWT-----", "NATS USER JWT"));
    }

    private static int Crc16(ReadOnlySpan<byte> bytes)
    {
        var crc = 0;
        foreach (var value in bytes)
        {
            crc ^= value << 8;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = ((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xFFFF;
            }
        }

        return crc;
    }
}
