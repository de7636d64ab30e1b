using System.Text;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Federation;
using Jesus.Appliance.Federation.Budgets;
using Jesus.Appliance.Security.Secrets;
using Jesus.Appliance.Storage;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Host;

/// <summary>Where alerts of budgets go beside the log, as the configuration says.</summary>
internal static class AlertOutlets
{
    /// <summary>None when no webhook is named, or when its secret cannot be read: an alert that claims to be signed must be.</summary>
    public static IReadOnlyList<IAlertOutlet> Of(AlertWebhookOptions webhook, IDisk disk, TimeProvider time, ILogger log)
    {
        if (webhook.Url.Length == 0)
        {
            return [];
        }

        byte[]? key = null;
        if (webhook.Secret.Length > 0)
        {
            var (secret, error) = new SecretReader(disk, Environment.GetEnvironmentVariable).Read(webhook.Secret);
            if (secret is null)
            {
                log.LogError("budgets.webhook.secret: {Error}; alerts are only logged until then", error);
                return [];
            }

            key = Encoding.UTF8.GetBytes(secret.Reveal());
        }

        return [new AlertWebhook(new Uri(webhook.Url), key, Http(), time)];
    }

    /// <summary>The message bus, for a box in a federation.</summary>
    public static IReadOnlyList<IAlertOutlet> Of(FederationHub? federation) =>
        federation is null ? [] : [new NatsAlertOutlet(federation.Nats, federation.Cluster, federation.Self)];

    /// <summary>One for the life of the process. A receiver that sends the alert on elsewhere would be sent what it must not see.</summary>
    private static HttpMessageInvoker Http() =>
        new(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false, UseCookies = false, ConnectTimeout = TimeSpan.FromSeconds(5) });
}
