namespace Jesus.Tests.Nats;

/// <summary>Who may come in, as a server's configuration says it (docs.nats.io, "Securing NATS").</summary>
internal static class NatsAuth
{
    public static string User(string user, string password) => $$"""authorization { user: "{{user}}", password: "{{password}}", timeout: 20 }""";

    public static string Token(string token) => $$"""authorization { token: "{{token}}", timeout: 20 }""";

    public static string NKey(params NatsKey[] users) => $$"""authorization { timeout: 20, users: [ {{string.Join(", ", users.Select(u => $"{{ nkey: {u.Public} }}"))}} ] }""";

    /// <summary>Operator mode: every account is known by its JWT.</summary>
    public static string Operator(NatsOperator issuer) => issuer.ServerConfig;
}
