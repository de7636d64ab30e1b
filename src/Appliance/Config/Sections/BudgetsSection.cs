using System.Globalization;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Config.Shapes;
using Jesus.Appliance.Federation;

namespace Jesus.Appliance.Config.Sections;

internal static class BudgetsSection
{
    public static RecordShape<BudgetsOptions> Shape { get; } = new(
        new Property<BudgetsOptions, IReadOnlyList<CapOptions>>("caps", "Caps; every one that applies is checked on every call, and the smallest wins.",
            new ListShape<CapOptions>(Cap(), () => new CapOptions()), o => o.Caps, (o, v) => o with { Caps = v }),
        new Property<BudgetsOptions, string>("timeZone", "Whose midnights begin days and months: an IANA name such as Europe/Berlin.",
            new TextShape(), o => o.TimeZone, (o, v) => o with { TimeZone = v }),
        new Property<BudgetsOptions, AlertWebhookOptions>("webhook", "Where alerts are posted, beside the log.", Webhook(), o => o.Webhook, (o, v) => o with { Webhook = v }),
        new Property<BudgetsOptions, decimal>("leaseShare", "A cap is made durable ahead in blocks of this share of it.",
            new MoneyShape(0.001m, 1), o => o.LeaseShare, (o, v) => o with { LeaseShare = v }),
        new Property<BudgetsOptions, long>("accountsMax", "Accounts in memory, about 300 B each.",
            new IntegerShape(1, 100_000_000), o => o.AccountsMax, (o, v) => o with { AccountsMax = (int)v }));

    /// <summary>A cap that boxes share belongs to a federation.</summary>
    public static void CheckOwners(ApplianceConfig config, ConfigNode node, List<ConfigError> errors)
    {
        for (var i = 0; i < config.Budgets.Caps.Count; i++)
        {
            var owner = config.Budgets.Caps[i].Owner;
            if (owner.Length == 0 || (config.Federation.IsOn && FederationOptions.IsName(owner)))
            {
                continue;
            }

            var place = node.Find("budgets")?.Find("caps")?.Items.ElementAtOrDefault(i)?.Find("owner")?.Place ?? node.Place;
            errors.Add(new ConfigError(place, $"budgets.caps[{i.ToString(CultureInfo.InvariantCulture)}].owner", config.Federation.IsOn
                ? $"must be the id of a peer (letters, digits, hyphens, underscores), not \"{owner}\""
                : $"names the box {owner}, but federation.nats.urls is empty; set it, or remove the owner"));
        }
    }

    private static RecordShape<CapOptions> Cap() => new(
        new Property<CapOptions, BudgetScope>("scope", "Whose spending it bounds.",
            new Names<BudgetScope>(("call", BudgetScope.Call), ("run", BudgetScope.Run), ("user", BudgetScope.User), ("team", BudgetScope.Team),
                ("organisation", BudgetScope.Organisation), ("key", BudgetScope.Key)), o => o.Scope, (o, v) => o with { Scope = v }),
        new Property<CapOptions, string>("name", "The user, team, organisation or key; * stands for each without a cap of its own over that period.",
            new TextShape(), o => o.Name, (o, v) => o with { Name = v }),
        new Property<CapOptions, BudgetPeriod>("period", "Days and months are those of timeZone.",
            new Names<BudgetPeriod>(("ever", BudgetPeriod.Ever), ("day", BudgetPeriod.Day), ("month", BudgetPeriod.Month)), o => o.Period, (o, v) => o with { Period = v }),
        new Property<CapOptions, decimal>("usd", "US dollars; 0 sets no cap of money.", new MoneyShape(), o => o.Usd, (o, v) => o with { Usd = v }),
        new Property<CapOptions, long>("tokens", "Tokens of prompt and answer together; 0 sets no cap of tokens.",
            new IntegerShape(0, long.MaxValue), o => o.Tokens, (o, v) => o with { Tokens = v }),
        new Property<CapOptions, bool>("soft", "Never refuses: past it a call takes the cheaper candidates of its route.",
            new BooleanShape(), o => o.Soft, (o, v) => o with { Soft = v }),
        new Property<CapOptions, string>("owner", "The box whose cap it is: the others of the federation spend what it lends them. Empty: each box counts by itself.",
            new TextShape(), o => o.Owner, (o, v) => o with { Owner = v }),
        new Property<CapOptions, CapReachedOptions>("onReached", "Makes the cap soft: where calls go past it.", new RecordShape<CapReachedOptions>(
            new Property<CapReachedOptions, string>("route", "The route that answers instead.", new TextShape(), o => o.Route, (o, v) => o with { Route = v })),
            o => o.OnReached, (o, v) => o with { OnReached = v }));

    private static RecordShape<AlertWebhookOptions> Webhook() => new(
        new Property<AlertWebhookOptions, string>("url", "http or https; empty sends none.", new TextShape(), o => o.Url, (o, v) => o with { Url = v }),
        new Property<AlertWebhookOptions, string>("secret", "Reference to the key that signs each alert, env:NAME or file:/path; empty signs none.",
            new TextShape { Secret = true }, o => o.Secret, (o, v) => o with { Secret = v }))
    {
        Check = (webhook, node, path, errors) =>
        {
            if (webhook.Url.Length > 0 && (!Uri.TryCreate(webhook.Url, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https")))
            {
                errors.Add(new ConfigError((node.Find("url") ?? node).Place, path + ".url", $"must be an http or https address, not \"{webhook.Url}\""));
            }

            if (webhook.Secret.Length > 0 && !webhook.Secret.StartsWith("env:", StringComparison.Ordinal) && !webhook.Secret.StartsWith("file:", StringComparison.Ordinal))
            {
                errors.Add(new ConfigError((node.Find("secret") ?? node).Place, path + ".secret",
                    "must refer to the secret as env:NAME or file:/path; a secret itself does not belong into this file"));
            }
        },
    };
}
