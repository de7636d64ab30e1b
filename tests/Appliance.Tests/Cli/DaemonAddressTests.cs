using Jesus.Appliance.Cli;

namespace Jesus.Appliance.Tests.Cli;

public sealed class DaemonAddressTests
{
    [Fact]
    public void An_address_wins_over_a_state_folder_and_may_be_a_socket()
    {
        Assert.Equal(new DaemonAddress("http://box:1", null), DaemonAddress.Find("http://box:1/", "/s"));
        Assert.Equal(new DaemonAddress("http://jesus", "/s/jesus.sock"), DaemonAddress.Find(null, "/s"));
        Assert.Equal("/run/x.sock", DaemonAddress.Find("unix:/run/x.sock", null).Socket);
        Assert.Equal(2, Assert.Throws<VerbException>(() => DaemonAddress.Find("nonsense", null)).ExitCode);
    }

    [Theory]
    [InlineData(429, "budget_exceeded", 4)]
    [InlineData(401, "invalid_api_key", 5)]
    [InlineData(403, "not_allowed", 5)]
    [InlineData(422, "invalid_workflow", 2)]
    [InlineData(404, "run_not_found", 1)]
    public void A_refusal_becomes_the_exit_code_of_the_surface(int status, string code, int exit)
    {
        var refused = DaemonClient.Refused(new DaemonReply(status, System.Text.Encoding.UTF8.GetBytes($"{{\"error\":{{\"code\":\"{code}\",\"message\":\"why\"}}}}")));
        Assert.Equal((exit, "why"), (refused.ExitCode, refused.Message));
    }

    [Fact]
    public async Task Events_are_read_with_type_id_and_joined_data()
    {
        using var stream = new MemoryStream("id: 7\nevent: a\ndata: x\ndata: y\n\n: comment\n\ndata: z\n\n"u8.ToArray());
        var items = new List<EventStream.Item>();
        await foreach (var item in EventStream.ReadAsync(stream, CancellationToken.None))
        {
            items.Add(item);
        }

        Assert.Equal([new EventStream.Item("a", "7", "x\ny"), new EventStream.Item("message", "7", "z")], items);
    }
}
