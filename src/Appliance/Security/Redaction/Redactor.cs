namespace Jesus.Appliance.Security.Redaction;

/// <summary>The detectors that are built in: e-mail addresses, payment card numbers, keys and tokens.</summary>
public sealed class Redactor(IReadOnlyList<ISensitiveValueDetector> detectors) : IRedactor
{
    public Redactor()
        : this([new EmailDetector(), new CardDetector(), new SecretDetector()])
    {
    }

    public RedactionSession Begin() => new(detectors);
}
