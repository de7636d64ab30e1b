using System.Globalization;

namespace Jesus.Transport.Http;

/// <summary>
/// The alert with which a peer ended TLS (RFC 8446, section 6.2). The base library passes it on only inside OpenSSL's error, whose number holds it: the reason is the
/// alert's code plus 1,000 (<c>SSL_AD_REASON_OFFSET</c>), in the low 23 bits beside the library's own number (<c>ERR_GET_REASON</c>, <c>ERR_LIB_SSL</c>).
/// </summary>
internal readonly record struct TlsAlert(int Code)
{
    private const int ReasonOffset = 1_000;
    private const int LibraryAt = 23;
    private const int SslLibrary = 20;

    /// <summary>The server wants a client's certificate, or does not take the one shown.</summary>
    public bool IsAboutClient => Code is 42 or 43 or 44 or 45 or 46 or 48 or 49 or 51 or 116;

    /// <summary>What the peer said and what may mend it; no period at the end.</summary>
    public string Words => $"the server ended the handshake with the alert '{Name}' ({Code}){Remedy}";

    private string Name => Code switch
    {
        10 => "unexpected_message",
        20 => "bad_record_mac",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        90 => "user_canceled",
        109 => "missing_extension",
        112 => "unrecognized_name",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => "unnamed",
    };

    private string Remedy => Code switch
    {
        40 or 71 => ": it has no version and cipher in common with this box, or wants a client certificate (tls.certificateFile and tls.keyFile)",
        70 => ": it speaks no version of TLS that this box does (1.2 and 1.3)",
        112 => ": it serves no host of this name",
        120 => ": it does not speak HTTP/1.1",
        _ when IsAboutClient => ": it wants a client certificate that it trusts (tls.certificateFile and tls.keyFile)",
        _ => "",
    };

    /// <returns>Null when the error comes from something else than an alert.</returns>
    public static TlsAlert? In(Exception error)
    {
        const string Prefix = "error:";
        for (var inner = error; inner is not null; inner = inner.InnerException)
        {
            var said = inner.Message.AsSpan();
            if (said.StartsWith(Prefix, StringComparison.Ordinal)
                && said.Length >= Prefix.Length + 8
                && uint.TryParse(said.Slice(Prefix.Length, 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)
                && number >> LibraryAt == SslLibrary
                && (number & ((1u << LibraryAt) - 1)) - ReasonOffset is var code and <= byte.MaxValue)
            {
                return new TlsAlert((int)code);
            }
        }

        return null;
    }
}
