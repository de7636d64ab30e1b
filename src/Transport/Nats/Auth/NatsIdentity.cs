using Jesus.Transport.Nats.Connecting;

namespace Jesus.Transport.Nats.Auth;

/// <summary>What CONNECT says of who we are; each empty where it does not apply.</summary>
internal readonly record struct NatsIdentity
{
    public NatsIdentity()
    {
    }

    public string User { get; init; } = "";
    public string Password { get; init; } = "";
    public string Token { get; init; } = "";
    public string Jwt { get; init; } = "";
    public string Nkey { get; init; } = "";
    public string Signature { get; init; } = "";

    /// <summary>From the options, the server's URL and its nonce. Order: .creds, nkey, the URL's name, user and password, token.</summary>
    public static (NatsIdentity Identity, string? Error) Of(NatsOptions options, ServerAddress server, string nonce)
    {
        if (options.Credentials is { } credentials)
        {
            return OfCredentials(credentials, nonce);
        }

        if (options.NkeySeed.Length > 0)
        {
            return OfSeed(options.NkeySeed, "", nonce);
        }

        // A name without a password in a URL is a token, as NATS has it.
        if (server.User.Length > 0)
        {
            return (server.Password.Length > 0 ? new() { User = server.User, Password = server.Password } : new() { Token = server.User }, null);
        }

        return (new() { User = options.User, Password = options.Password, Token = options.Token }, null);
    }

    /// <summary>The part of a .creds file between its BEGIN and END lines.</summary>
    internal static string Section(string text, string name)
    {
        var begin = text.IndexOf($"-----BEGIN {name}-----", StringComparison.Ordinal);
        var from = begin < 0 ? -1 : text.IndexOf('\n', begin);
        var end = from < 0 ? -1 : text.IndexOf("---", from, StringComparison.Ordinal);
        return end < 0 ? "" : text[from..end].Trim().Trim('-').Trim();
    }

    private static (NatsIdentity Identity, string? Error) OfCredentials(Func<string> credentials, string nonce)
    {
        string text;
        try
        {
            text = credentials();
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            return (new(), $"the credentials cannot be read: {wrong.Message}");
        }

        var jwt = Section(text, "NATS USER JWT");
        var seed = Section(text, "USER NKEY SEED");
        return jwt.Length == 0 ? (new(), "the credentials hold no 'NATS USER JWT' section") : OfSeed(seed, jwt, nonce);
    }

    private static (NatsIdentity Identity, string? Error) OfSeed(string text, string jwt, string nonce)
    {
        var (seed, error) = Auth.Nkey.ReadSeed(text);
        if (seed is null)
        {
            return (new(), error);
        }

        // A server that knows no nkeys sends no nonce.
        var signature = nonce.Length > 0 ? Auth.Nkey.Sign(seed, nonce) : "";
        return (new() { Jwt = jwt, Nkey = jwt.Length > 0 ? "" : Auth.Nkey.PublicText(seed), Signature = signature }, null);
    }
}
