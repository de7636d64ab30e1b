using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Jesus.EndToEnd.Binary;

namespace Jesus.EndToEnd.Prometheus;

/// <summary>What the operator's Prometheus sees: its own linter on <c>/metrics</c>, and a real server that scrapes the daemon.</summary>
public sealed class PrometheusTests
{
    /// <summary>Two scrapes at one a second, and a start on a busy machine.</summary>
    private static readonly TimeSpan ScrapedMax = TimeSpan.FromSeconds(60);

    private const string Question = """{"model":"jesus-nano","max_tokens":8,"messages":[{"role":"user","content":"Who are you?"}]}""";

    [Fact]
    public async Task The_metrics_page_is_clean_by_promtools_rules()
    {
        Assert.SkipUnless(OnPath("promtool"), "promtool is not installed: `eng/setup-tests.sh` installs it.");
        await using var daemon = await JesusDaemon.StartAsync();
        Assert.Equal(HttpStatusCode.OK, (await daemon.PostAsync("/v1/chat/completions", Question)).Status);
        var page = await daemon.Http.GetStringAsync(new Uri("/metrics", UriKind.Relative));
        Assert.Contains("jesus_requests_total{", page, StringComparison.Ordinal);
        Assert.Contains("jesus_time_to_first_token_seconds_bucket{", page, StringComparison.Ordinal);

        var (exit, output) = await LintAsync(page);

        Assert.True(exit == 0 && output.Length == 0, $"promtool check metrics: exit {exit}\n{output}");
    }

    [Fact]
    public async Task A_prometheus_server_scrapes_the_daemon()
    {
        Assert.SkipUnless(OnPath("prometheus"), "prometheus is not installed: `eng/setup-tests.sh` installs it.");
        await using var daemon = await JesusDaemon.StartAsync();
        Assert.Equal(HttpStatusCode.OK, (await daemon.PostAsync("/v1/chat/completions", Question)).Status);
        await using var prometheus = new PrometheusServer(new Uri(daemon.Url));

        Assert.Equal("1", await prometheus.ValueOfAsync("""up{job="jesus"}""", ScrapedMax));
        Assert.Equal("1", await prometheus.ValueOfAsync("""sum(jesus_requests_total{api="openai"})""", ScrapedMax));
    }

    private static async Task<(int Exit, string Output)> LintAsync(string page)
    {
        using var promtool = Process.Start(new ProcessStartInfo("promtool", ["check", "metrics"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        await promtool.StandardInput.WriteAsync(page);
        promtool.StandardInput.Close();
        var output = await promtool.StandardOutput.ReadToEndAsync() + await promtool.StandardError.ReadToEndAsync();
        await promtool.WaitForExitAsync();
        return (promtool.ExitCode, output.Trim());
    }

    private static bool OnPath(string command) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, command)));

    /// <summary>A Prometheus of Debian's on a free loopback port with its data in a folder of its own.</summary>
    private sealed class PrometheusServer : IAsyncDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("jesus-prometheus").FullName;
        private readonly Process _process;
        private readonly HttpClient _http;

        public PrometheusServer(Uri target)
        {
            var port = FreePort();
            File.WriteAllText(Path.Combine(_folder, "prometheus.yml"),
                $"global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: jesus\n  static_configs: [{{targets: ['{target.Authority}']}}]\n");
            _http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
            _process = Process.Start(new ProcessStartInfo("prometheus",
                [$"--config.file={_folder}/prometheus.yml", $"--storage.tsdb.path={_folder}/data", $"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]))!;
        }

        /// <summary>The first sample of a query's answer, waited for.</summary>
        public async Task<string> ValueOfAsync(string query, TimeSpan limit)
        {
            var waited = Stopwatch.StartNew();
            while (waited.Elapsed < limit)
            {
                if (await AskAsync(query) is { } value)
                {
                    return value;
                }

                await Task.Delay(200);
            }

            return $"no sample of {query} after {limit}";
        }

        public async ValueTask DisposeAsync()
        {
            _process.Kill();
            await _process.WaitForExitAsync();
            _process.Dispose();
            _http.Dispose();
            Directory.Delete(_folder, recursive: true);
        }

        private async Task<string?> AskAsync(string query)
        {
            try
            {
                using var answer = JsonDocument.Parse(await _http.GetStringAsync(new Uri($"/api/v1/query?query={Uri.EscapeDataString(query)}", UriKind.Relative)));
                var samples = answer.RootElement.GetProperty("data").GetProperty("result");
                return samples.GetArrayLength() == 0 ? null : samples[0].GetProperty("value")[1].GetString();
            }
            catch (HttpRequestException)
            {
                return null; // not listening yet
            }
        }

        private static int FreePort()
        {
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            return ((IPEndPoint)listener.LocalEndpoint).Port;
        }
    }
}
