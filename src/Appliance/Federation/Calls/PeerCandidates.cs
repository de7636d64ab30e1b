using System.Collections.Concurrent;
using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Router;
using Jesus.Appliance.Scheduler;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Federation.Calls;

/// <summary>
/// The models of peers as candidates of routes: chosen when a call is planned, by <see cref="PeerSelector"/> from the <see cref="PeerTable"/> as it is then. Each peer and
/// model has one candidate that is kept with its health. Thread-safe; a choice allocates nothing.
/// </summary>
public sealed class PeerCandidates : ICandidateSource
{
    /// <summary>Peers and models that are remembered, at about 1 KB; beyond them those of peers that are gone make room.</summary>
    private const int KeptMax = 8_192;

    /// <summary>Routes to models that only peers have; beyond them a route is made for the call.</summary>
    private const int RoutesMax = 1_024;

    [ThreadStatic]
    private static PeerChance[]? s_chances;

    private readonly PeerTable _table;
    private readonly FederationOptions _options;
    private readonly Func<PeerLink, IModelAdapter> _adapter;
    private readonly ConcurrentDictionary<(string Peer, string Model), Kept> _kept = new();
    private readonly ConcurrentDictionary<string, Route> _routes = new(StringComparer.Ordinal);

    /// <param name="adapter">Makes what calls a peer's model.</param>
    public PeerCandidates(PeerTable table, FederationOptions options, Func<PeerLink, IModelAdapter> adapter) => (_table, _options, _adapter) = (table, options, adapter);

    public ModelError Expand(in SourceAsk ask, CandidateList into, int link)
    {
        if (ask.Request.Visited.Count >= _options.MaxHops)
        {
            return NoHops(ask);
        }

        Span<ulong> digests = stackalloc ulong[PromptDigests.Max];
        var peerAsk = Measure(ask, digests, out var count);
        var views = _table.Current;
        var chances = ChancesFor(views.Length);
        var found = 0;
        for (var i = 0; i < views.Length; i++)
        {
            var model = views[i].Find(ask.Model);
            if (model is not null && PeerSelector.WhyNot(views[i], model, peerAsk, ask.Request.Visited) == Unfit.No)
            {
                var memory = MemoryOf(views[i].Id, ask.Model, ask.NowMs);
                chances[found++] = new PeerChance(i, PeerSelector.FirstTokenMs(model, peerAsk, digests[..count], memory), memory.Rests);
            }
        }

        Span<int> chosen = stackalloc int[PeerSelector.ChosenMax];
        chosen = chosen[..PeerSelector.Choose(chances.AsSpan(0, found), ask.Dice, chosen)];
        foreach (var place in chosen)
        {
            var view = views[chances[place].Index];
            into.Add(CandidateOf(view, view.Find(ask.Model)!), link);
        }

        return chosen.Length > 0 ? default : Nobody(ask);
    }

    public Route? RouteFor(string model)
    {
        if (_options.MaxHops == 0 || !IsOffered(model))
        {
            return null;
        }

        if (_routes.TryGetValue(model, out var route))
        {
            return route;
        }

        route = new Route(model, new RouteOptions(), [new RouteLink(null, new RouteCandidateOptions("", model) { Peer = "*" })]);
        return _routes.Count < RoutesMax ? _routes.GetOrAdd(model, route) : route;
    }

    public void Explain(in SourceAsk ask, ICollection<ExplainedPeer> into)
    {
        Span<ulong> digests = stackalloc ulong[PromptDigests.Max];
        var peerAsk = Measure(ask, digests, out var count);
        var list = new CandidateList();
        _ = Expand(ask, list, 0);
        foreach (var view in _table.Current)
        {
            var model = view.Find(ask.Model);
            var unfit = ask.Request.Visited.Count >= _options.MaxHops ? Unfit.Visited : PeerSelector.WhyNot(view, model, peerAsk, ask.Request.Visited);
            if (unfit == Unfit.OtherPeer)
            {
                continue;
            }

            var memory = MemoryOf(view.Id, ask.Model, ask.NowMs);
            var place = unfit == Unfit.No ? PlaceOf(list, view.Id) : 0;
            var first = model is null ? -1 : PeerSelector.FirstTokenMs(model, peerAsk, digests[..count], memory);
            var why = unfit != Unfit.No ? Words(unfit, view, model, ask.NowMs)
                : place == 0 ? "others are expected sooner"
                : memory.Rests ? "failed lately: asked last"
                : PeerSelector.WarmTokens(model!, digests[..count]) is > 0 and var warm ? $"has about {warm} tokens of the prompt at hand" : "";
            into.Add(new ExplainedPeer(view.Id, ask.Model, place, why, first));
        }
    }

    /// <summary>The models that eligible peers offer, each once, with who does.</summary>
    public IReadOnlyList<(PeerView Peer, PeerModelView Model)> Models() =>
    [
        .. _table.Current.Where(p => p.IsEligible && _options.MaxHops > 0).SelectMany(p => p.Models.Select(m => (p, m)))
            .OrderBy(m => m.m.Name, StringComparer.Ordinal).DistinctBy(m => m.m.Name),
    ];

    private static PeerAsk Measure(in SourceAsk ask, Span<ulong> digests, out int count)
    {
        count = PromptDigests.Write(ask.Model, ask.Request, digests, out var bytes);
        if (ask.Request.Operation is ModelOperation.Embed or ModelOperation.Rerank)
        {
            // Each text has the context for itself: together they may be longer.
            return new PeerAsk(ask.Peer, ask.Model, (Lane)Math.Clamp(ask.Priority, 0, (int)Lane.Batch), 0, ask.Request.ShownNumerics);
        }

        var tokens = ask.Request.PromptTokens.Length > 0 ? ask.Request.PromptTokens.Length : (int)Math.Min(int.MaxValue, bytes / PromptDigests.BytesPerToken);
        return new PeerAsk(ask.Peer, ask.Model, (Lane)Math.Clamp(ask.Priority, 0, (int)Lane.Batch), tokens, ask.Request.ShownNumerics);
    }

    private static PeerChance[] ChancesFor(int count)
    {
        var chances = s_chances;
        return chances is not null && chances.Length >= count ? chances : s_chances = new PeerChance[Math.Max(16, count * 2)];
    }

    private static int PlaceOf(CandidateList list, string peer)
    {
        for (var i = 0; i < list.Count; i++)
        {
            if (list[i].Adapter is PeerAdapter adapter && adapter.Link.Peer == peer)
            {
                return i + 1;
            }
        }

        return 0;
    }

    private PeerMemory MemoryOf(string peer, string model, long nowMs)
    {
        if (!_kept.TryGetValue((peer, model), out var kept))
        {
            return default;
        }

        var health = kept.Candidate.Health;
        return new PeerMemory(kept.Link.RoundTripMs, health.InFlight, health.Rests(nowMs));
    }

    private Candidate CandidateOf(PeerView view, PeerModelView model)
    {
        if (_kept.TryGetValue((view.Id, model.Name), out var kept) && kept.Candidate.Traits.ContextTokens == model.ContextTokens
            && kept.Candidate.Traits.Abilities == AbilitiesOf(model))
        {
            return kept.Candidate;
        }

        var link = kept?.Link ?? new PeerLink(view.Id, model.Name);
        var traits = new CandidateTraits { ContextTokens = model.ContextTokens, LeavesBox = !_options.Trusted, StopsWhenCut = true, Abilities = AbilitiesOf(model) };
        var made = new Kept(link, new Candidate(kept?.Candidate.Adapter ?? _adapter(link), model.Name, traits, kept?.Candidate.Health));
        if (_kept.Count >= KeptMax)
        {
            Forget();
        }

        if (_kept.Count < KeptMax || kept is not null)
        {
            _kept[(view.Id, model.Name)] = made;
        }

        return made.Candidate;
    }

    private static Abilities AbilitiesOf(PeerModelView model) => model.Abilities == Abilities.None ? Abilities.All : model.Abilities;

    private void Forget()
    {
        foreach (var (key, kept) in _kept)
        {
            if (kept.Candidate.Health.InFlight == 0 && _table.Find(key.Peer) is not { State: not PeerState.Gone })
            {
                _ = _kept.TryRemove(key, out _);
            }
        }
    }

    private bool IsOffered(string model)
    {
        foreach (var view in _table.Current)
        {
            if (view.State != PeerState.Gone && view.Find(model) is not null)
            {
                return true;
            }
        }

        return false;
    }

    private ModelError Nobody(in SourceAsk ask) => IsOffered(ask.Model)
        ? new ModelError(ErrorCause.Overloaded, $"No peer can take a call of '{ask.Model}' now; 'jesus peers' says why.", RetryAfter: TimeSpan.FromSeconds(1))
        : new ModelError(ErrorCause.ModelNotFound, $"No peer offers '{ask.Model}'; 'jesus peers' shows what they offer.", "model");

    private ModelError NoHops(in SourceAsk ask) => new(
        ErrorCause.ModelNotFound, $"The call of '{ask.Model}' may go through no further box (federation.maxHops is {_options.MaxHops}).", "model");

    private static string Words(Unfit unfit, PeerView view, PeerModelView? model, long nowMs) => unfit switch
    {
        Unfit.NoSuchModel => "does not offer the model",
        Unfit.NotEligible => view.WhyNotEligible(nowMs),
        Unfit.Visited => "the call came from there, or has passed as many boxes as it may",
        Unfit.ContextTooSmall => $"holds {model!.ContextTokens} tokens, too few for the prompt",
        Unfit.OtherNumerics => "computes otherwise than whoever began the answer",
        _ => "",
    };

    private sealed record Kept(PeerLink Link, Candidate Candidate);
}
