using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace Jesus.Appliance.Budgets;

/// <summary>
/// Posts alerts as JSON. With a secret each is signed as <c>Jesus-Signature: t=UNIX,v1=HEX</c>, the HMAC-SHA256 of <c>UNIX.BODY</c>; <c>Jesus-Alert-Id</c> is
/// the same when an alert is sent again. Nothing in it is secret, and no answer is read but its status.
/// </summary>
/// <param name="http">Without redirects and proxy: the host makes it.</param>
public sealed class AlertWebhook(Uri address, byte[]? secret, HttpMessageInvoker http, TimeProvider time) : IAlertOutlet
{
    /// <summary>With the waits between them, 1 s doubling to 30 s, about two minutes: a receiver's restart.</summary>
    private const int RetriesMax = 7;

    /// <summary>For one try: a receiver that only stores the alert needs milliseconds.</summary>
    private static readonly TimeSpan TryMax = TimeSpan.FromSeconds(10);

    private readonly ResiliencePipeline<string?> _retries = new ResiliencePipelineBuilder<string?> { TimeProvider = time }
        .AddRetry(new RetryStrategyOptions<string?>
        {
            MaxRetryAttempts = RetriesMax,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = TimeSpan.FromSeconds(1),
            MaxDelay = TimeSpan.FromSeconds(30),
            ShouldHandle = static tried => ValueTask.FromResult(
                tried.Outcome.Result is not null || tried.Outcome.Exception is HttpRequestException or IOException or TimeoutRejectedException),
        })
        .AddTimeout(TryMax)
        .Build();

    public string Name => address.GetLeftPart(UriPartial.Path);

    public async ValueTask<string?> SendAsync(BudgetAlert alert, CancellationToken cancel)
    {
        var body = AccountJson.Encode(alert, static (json, told) => told.Write(json));
        try
        {
            return await _retries.ExecuteAsync(token => PostAsync(alert.Id, body, token), cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or TimeoutRejectedException)
        {
            return e is TimeoutRejectedException ? $"no answer in {TryMax.TotalSeconds} s" : e.Message;
        }
    }

    /// <returns>Null when it was taken.</returns>
    private async ValueTask<string?> PostAsync(string id, ReadOnlyMemory<byte> body, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new ReadOnlyMemoryContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.TryAddWithoutValidation("Jesus-Alert-Id", id);
        if (secret is not null)
        {
            request.Headers.TryAddWithoutValidation("Jesus-Signature", Sign(secret, time.GetUtcNow().ToUnixTimeSeconds(), body.Span));
        }

        using var answer = await http.SendAsync(request, cancel).ConfigureAwait(false);
        return answer.IsSuccessStatusCode ? null : string.Create(CultureInfo.InvariantCulture, $"status {(int)answer.StatusCode}");
    }

    internal static string Sign(byte[] secret, long unixSeconds, ReadOnlySpan<byte> body)
    {
        var moment = unixSeconds.ToString(CultureInfo.InvariantCulture);
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secret);
        hmac.AppendData(Encoding.UTF8.GetBytes(moment + "."));
        hmac.AppendData(body);
        return $"t={moment},v1={Convert.ToHexStringLower(hmac.GetHashAndReset())}";
    }
}
