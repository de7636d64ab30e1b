using Jesus.Transport.Nats;

namespace Jesus.Appliance.Federation.Calls;

/// <summary>
/// The groups of callers who know no box by name: of each model, all boxes that offer it, of which the server asks one. This box is in the group of a model as long as it offers
/// it and takes calls; one that stayed would refuse calls that another could answer. Looked after by one loop.
/// </summary>
internal sealed class CallGroups(FederationHub hub, CallSubjects subjects, Func<NatsSubscription, string, Task> read)
{
    /// <summary>Models whose groups this box joins; it announces no more.</summary>
    private const int GroupsMax = 256;

    private const string Name = "infer";

    private readonly Dictionary<string, NatsSubscription> _joined = new(StringComparer.Ordinal);

    /// <summary>
    /// Goes with the first event to a caller who asked a group: it cannot know otherwise whom to give credit, and whose answer to cancel. Made once: it is only read.
    /// </summary>
    public NatsHeaders AnswererOf { get; } = new NatsHeaders().Add("Jesus-Peer", hub.Self);

    /// <summary>Joins the groups of models that are new, leaves those of models that are gone, all of them when no more calls are taken.</summary>
    public async ValueTask LookAsync(bool isDraining)
    {
        IReadOnlyList<Membership.PeerModelView> offered = isDraining ? [] : hub.OwnModels;
        foreach (var name in _joined.Keys.Where(name => !offered.Any(model => model.Name == name)).ToArray())
        {
            await LeaveAsync(name).ConfigureAwait(false);
        }

        foreach (var model in offered)
        {
            if (_joined.Count < GroupsMax && !_joined.ContainsKey(model.Name))
            {
                Join(model.Name);
            }
        }
    }

    private void Join(string model)
    {
        var subject = subjects.AnyCalls(model);
        var subscription = hub.Nats.Subscribe(NatsSubject.Parse(subject), Name, PeerCallServer.Pending);
        _joined[model] = subscription;
        _ = read(subscription, subject);
    }

    /// <summary>What the server has sent here already is still answered.</summary>
    private async ValueTask LeaveAsync(string model)
    {
        _ = _joined.Remove(model, out var subscription);
        await subscription!.DrainAsync().ConfigureAwait(false);
    }
}
