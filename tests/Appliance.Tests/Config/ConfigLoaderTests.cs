using System.Collections;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Config;
using Jesus.Appliance.Router;
using Jesus.Inference.Contract;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Tests.Config;

public sealed class ConfigLoaderTests
{
    [Fact]
    public void An_empty_file_gives_the_defaults()
    {
        var loaded = Load("{}");
        Assert.Empty(loaded.Errors);
        Assert.Equal("http://127.0.0.1:7470", loaded.Config.Listen.Http);
    }

    [Fact]
    public void Comments_trailing_commas_and_a_schema_name_are_fine()
    {
        var loaded = Load("""
            // the box in the cellar
            { "$schema": "jesus.schema.json", "telemetry": { "logLevel": "debug", /* loud */ }, }
            """);
        Assert.Empty(loaded.Errors);
        Assert.Equal(LogLevel.Debug, loaded.Config.Telemetry.Level);
    }

    [Fact]
    public void Routes_are_read_with_rules_links_hedges_and_keys_and_dumped_again()
    {
        var loaded = Load("""
            { "providers": { "a": { "url": "http://a/v1", "keys": ["env:A", "env:B"], "models": [ { "name": "m" } ] } },
              "routes": { "default": "r",
                "rules": [ { "when": { "model": ["gpt-*"], "promptTokensMin": 5, "needs": ["tools", "images"], "dataClass": ["restricted"], "costUsdMax": 0.5 }, "route": "r" } ],
                "r": { "policy": "sticky_prefix", "hedge": { "percentile": 95, "maxCostUsd": 0.01 },
                  "candidates": [ { "provider": "a", "model": "m", "on": ["refused"], "firstTokenTimeoutMs": 9 } ] } } }
            """);
        Assert.Empty(loaded.Errors);
        var rule = loaded.Config.Routes.Rules.Single();
        Assert.Equal((5, null, Abilities.Tools | Abilities.Images, 0.5m), (rule.When.PromptTokensMin, rule.When.PromptTokensMax, rule.When.Needs, rule.When.CostUsdMax));
        var route = loaded.Config.Routes.Routes["r"];
        Assert.Equal((RoutePolicyKind.StickyPrefix, 95, 0.01m), (route.Policy, route.Hedge!.Percentile, route.Hedge.MaxCostUsd));
        Assert.Equal([ErrorCause.Refused], route.Candidates[0].On);
        Assert.Equal(["env:A", "env:B"], loaded.Config.Providers["a"].Keys);
        var dump = loaded.Dump().Values.ToDictionary(v => v.Path, v => v.Json);
        Assert.Equal("\"gpt-*\"", dump["routes.rules[0].when.model[0]"]);
        Assert.Equal("null", dump["routes.rules[0].when.promptTokensMax"]);
        Assert.Equal("9", dump["routes.r.candidates[0].firstTokenTimeoutMs"]);
    }

    [Fact]
    public void Every_mistake_is_reported_at_once_with_line_column_and_what_is_allowed()
    {
        var loaded = Load("""
            {
              "listen": { "maxBodyBytes": "much" },
              "telemetry": { "loglevel": "debug" },
              "routs": {},
              "engine": { "threads": 1000 }
            }
            """);

        Assert.Equal(
            [
                "test.json:2:31: listen.maxBodyBytes: must be an integer from 1024 to 1073741824, not \"much\"",
                "test.json:3:18: telemetry.loglevel: is not known; did you mean 'logLevel'?",
                "test.json:4:3: routs: is not known; did you mean 'routes'?",
                "test.json:5:26: engine.threads: must be an integer from 0 to 256, not 1000",
            ],
            loaded.Errors.Select(e => e.ToString()));
    }

    [Fact]
    public void Broken_json_names_its_line()
    {
        var error = Assert.Single(Load("{\n  \"listen\": {\n}").Errors);
        Assert.Equal(3, error.Place.Line);
        Assert.Contains("not valid JSON", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_given_twice_is_a_mistake()
    {
        var error = Assert.Single(Load("""{ "engine": {}, "engine": {} }""").Errors);
        Assert.Contains("given twice", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Variables_override_the_file_and_flags_override_variables()
    {
        var environment = new Hashtable
        {
            ["JESUS__Listen__Http"] = "http://127.0.0.1:1",
            ["JESUS__ENGINE__THREADS"] = "3",
            ["JESUS__engine__modelFolders"] = "[\"/a\",\"/b\"]",
            ["PATH"] = "/bin",
        };
        var loaded = ConfigLoader.Parse("""{ "engine": { "threads": 1 } }"""u8, "test.json", environment, ("listen.http", "http://127.0.0.1:2", "--listen"));

        Assert.Empty(loaded.Errors);
        Assert.Equal("http://127.0.0.1:2", loaded.Config.Listen.Http);
        Assert.Equal(3, loaded.Config.Engine.Threads);
        Assert.Equal(["/a", "/b"], loaded.Config.Engine.ModelFolders);
        var dump = loaded.Dump().Values;
        Assert.Contains(dump, v => v is { Path: "engine.threads", Json: "3", Source: "JESUS__ENGINE__THREADS" });
        Assert.Contains(dump, v => v is { Path: "listen.http", Source: "--listen" });
        Assert.Contains(dump, v => v is { Path: "listen.maxConnections", Source: "default" });
    }

    [Fact]
    public void A_variable_that_names_nothing_is_a_mistake()
    {
        var loaded = ConfigLoader.Parse("{}"u8, "test.json", new Hashtable { ["JESUS__Engine__Speed"] = "9" });
        Assert.Equal("JESUS__Engine__Speed", Assert.Single(loaded.Errors).Place.Name);
    }

    [Fact]
    public void A_key_written_into_the_file_is_refused_and_never_shown()
    {
        var loaded = Load("""{ "providers": { "up": { "url": "https://up.example/v1", "key": "sk-secret", "models": [ { "name": "big" } ] } } }""");
        Assert.Contains(loaded.Errors, e => e.Path == "providers.up.key");
        Assert.DoesNotContain("sk-secret", string.Join('\n', loaded.Errors) + string.Join('\n', loaded.Dump().Values), StringComparison.Ordinal);
    }

    [Fact]
    public void Providers_routes_prices_and_caps_are_bound()
    {
        var loaded = Load("""
            {
              "providers": { "up": { "url": "https://up.example/v1", "key": "env:UP_KEY", "models": [ { "name": "big", "contextTokens": 8192 } ] } },
              "routes": { "default": "smart", "smart": { "candidates": [ { "provider": "up", "model": "big" } ], "on": ["overloaded"], "commit": "complete" } },
              "prices": [ { "provider": "up", "model": "*", "inputPerMillionTokens": 2.5, "outputPerMillionTokens": 10, "from": "2026-11-01" } ],
              "budgets": { "caps": [ { "scope": "user", "period": "day", "usd": 1.5 } ] }
            }
            """);

        Assert.Empty(loaded.Errors);
        Assert.Equal("smart", loaded.Config.Routes.Default);
        Assert.Equal("big", loaded.Config.Routes.Routes["smart"].Candidates[0].Model);
        Assert.Equal(2.5m, loaded.Config.Prices.Prices[0].InputPerMillionTokens);
        Assert.Equal(1.5m, loaded.Config.Budgets.Caps[0].Usd);
        Assert.Contains(loaded.Dump().Values, v => v is { Path: "providers.up.key", Json: "\"env:UP_KEY\"" });
    }

    [Fact]
    public void The_schema_is_json_and_describes_each_value_with_its_default()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            ConfigLoader.WriteSchema(json);
        }

        using var schema = JsonDocument.Parse(buffer.ToArray());
        var threads = schema.RootElement.GetProperty("properties").GetProperty("engine").GetProperty("properties").GetProperty("threads");
        Assert.Equal("integer", threads.GetProperty("type").GetString());
        Assert.Equal(0, threads.GetProperty("default").GetInt32());
        Assert.NotEmpty(threads.GetProperty("description").GetString()!);
    }

    [Fact]
    public void No_mutation_of_a_file_makes_the_loader_throw()
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var dice = new Random(seed);
        var whole = Encoding.UTF8.GetBytes("""{"listen":{"http":"http://127.0.0.1:1","maxTools":5},"routes":{"default":"a","""
            + """ "a":{"candidates":[{"provider":"p","model":"m"}]}},"prices":[{"provider":"p"}]}""");
        for (var i = 0; i < 5_000; i++)
        {
            var bytes = whole.ToArray();
            bytes[dice.Next(bytes.Length)] = "{}[]\",:0tfn/"u8[dice.Next(12)];
            _ = ConfigLoader.Parse(bytes, "test.json", new Hashtable());
        }
    }

    [Fact]
    public void A_cap_that_names_its_owner_belongs_to_a_federation()
    {
        var alone = Assert.Single(Load("""{ "budgets": { "caps": [ { "scope": "organisation", "usd": 1, "owner": "box-a" } ] } }""").Errors);
        Assert.Contains("federation.nats.urls", alone.ToString(), StringComparison.Ordinal);
        Assert.Equal("budgets.caps[0].owner", alone.Path);
        Assert.Empty(Load("""
            { "federation": { "nats": { "urls": ["nats://127.0.0.1:4222"] } }, "budgets": { "caps": [ { "scope": "organisation", "usd": 1, "owner": "box-a" } ] } }
            """).Errors);
    }

    private static LoadedConfig Load(string json) => ConfigLoader.Parse(Encoding.UTF8.GetBytes(json), "test.json", new Hashtable());
}
