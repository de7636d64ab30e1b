using System.Net;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Gateway;

/// <summary>What a caller says of its routing in the head: taken, or refused by its name, never forgotten.</summary>
public sealed class RouteHeadersTests
{
    private const string Chat = """{"model":"nano","messages":[{"role":"user","content":"hi"}],"max_tokens":5}""";

    public static TheoryData<string, string> Endpoints => new()
    {
        { "/v1/chat/completions", Chat },
        { "/v1/completions", """{"model":"nano","prompt":"hi"}""" },
        { "/v1/responses", """{"model":"nano","input":"hi"}""" },
        { "/v1/embeddings", """{"model":"nano","input":"hi"}""" },
        { "/v1/messages", Chat },
        { "/v1/messages/count_tokens", """{"model":"nano","messages":[{"role":"user","content":"hi"}]}""" },
    };

    [Theory]
    [MemberData(nameof(Endpoints))]
    public async Task Every_api_takes_them(string path, string body)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        ModelCall? seen = null;
        var (task, data, cache, bounded) = ("", DataClass.Public, CacheWish.Use, false);
        gateway.Answer = (call, _, _) =>
        {
            (seen, task, data, cache, bounded) = (call, call.Task, call.DataClass, call.CacheWish, !call.Request.Deadline.IsNone);
            return new(new Outcome { Error = new ModelError(ErrorCause.Refused, "seen") });
        };
        _ = await SendAsync(gateway, path, body, ("x-jesus-task", "summarise"), ("x-jesus-data-class", "restricted"), ("x-jesus-cache", "refresh"), ("x-jesus-deadline-ms", "60000"));
        Assert.NotNull(seen);
        Assert.Equal(("summarise", DataClass.Restricted, CacheWish.Refresh, true), (task, data, cache, bounded));
    }

    [Theory]
    [InlineData("x-jesus-data-class", "secret", "public, internal, restricted")]
    [InlineData("x-jesus-data-class", "Restricted", "public, internal, restricted")]
    [InlineData("x-jesus-deadline-ms", "soon", "milliseconds")]
    [InlineData("x-jesus-deadline-ms", "0", "milliseconds")]
    [InlineData("x-jesus-deadline-ms", "-5", "milliseconds")]
    [InlineData("x-jesus-cache", "on", "refresh, off")]
    [InlineData("x-jesus-task", "0123456789012345678901234567890123456789012345678901234567890123456789", "64 characters")]
    public async Task A_wrong_value_is_refused_by_the_header_s_name_before_any_model_is_called(string header, string value, string allowed)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (_, _, _) => throw new InvalidOperationException("the call was made");
        foreach (var (path, body) in Endpoints.Select(row => row.Data))
        {
            var (status, answer) = await SendAsync(gateway, path, body, (header, value));
            Assert.Equal(HttpStatusCode.BadRequest, status);
            var message = JsonDocument.Parse(answer).RootElement.GetProperty("error").GetProperty("message").GetString();
            Assert.Contains(header, message, StringComparison.Ordinal);
            Assert.Contains(allowed, message, StringComparison.Ordinal);
        }
    }

    private static async Task<(HttpStatusCode Status, string Body)> SendAsync(GatewayFixture gateway, string path, string body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("anthropic-version", "2023-06-01");
        foreach (var (name, value) in headers)
        {
            request.Headers.Add(name, value);
        }

        using var response = await gateway.Http.SendAsync(request);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }
}
