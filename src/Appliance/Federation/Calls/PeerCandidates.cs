using System.Collections.Concurrent;
using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Appliance.Scheduler;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Federation.Calls;

/// <summary>The boxes of the federation as candidates of a call: who has the model and takes calls, the soonest first. Thread-safe.</summary>
/// <param name="adapterOf">The adapter that calls a peer; asked once for each.</param>
public sealed class PeerCandidates(PeerTable peers, FederationOptions options, Func<string, IModelAdapter> adapterOf) : ICandidateSource
{
    /// <summary>Bytes a token of a prompt that is only guessed at: English prose, and less than it in other languages.</summary>
    private const int BytesPerToken = 4;

    /// <summary>Candidates kept for peers that were asked: beyond that all begin anew, as after a restart.</summary>
    private const int KeptMax = 16_384;

    private readonly ConcurrentDictionary<(string Peer, string Model), Candidate> _candidates = new();
    private readonly ConcurrentDictionary<string, IModelAdapter> _adapters = new(StringComparer.Ordinal);

    [ThreadStatic]
    private static Offers? s_offers;

    public void Find(in SourceQuery query, List<Candidate> found)
    {
        if (options.MaxHops == 0)
        {
            return;
        }

        var offers = s_offers ??= new Offers();
        offers.Clear();
        var prefix = PrefixHash.Of(query.Request);
        foreach (var peer in peers.Current)
        {
            if (IsMeant(query, peer) && peer.IsEligible && !WasVisited(query, peer.Id) && peer.Find(query.Model) is { } model)
            {
                var candidate = CandidateOf(peer.Id, model);
                offers.Add(candidate, OfferOf(candidate, model, (Lane)query.Lane, model.HasPrefix(prefix), query.NowMs));
            }
        }

        Span<int> chosen = stackalloc int[ICandidateSource.FoundMax];
        var count = offers.Choose(TokensOf(query.Request), query.Dice, chosen);
        foreach (var index in chosen[..count])
        {
            found.Add(offers[index]);
        }

        offers.Clear();
    }

    public bool Knows(string peer, string model)
    {
        foreach (var view in peers.Current)
        {
            if ((peer == "*" || view.Id == peer) && view.State != PeerState.Gone && view.Find(model) is not null)
            {
                return true;
            }
        }

        return false;
    }

    public ModelError WhyNobody(in SourceQuery query)
    {
        var who = query.Peer == "*" ? "no peer" : $"the peer '{query.Peer}'";
        if (options.MaxHops == 0)
        {
            return new ModelError(ErrorCause.ModelNotFound, $"This box asks no peer for '{query.Model}': federation.maxHops is 0.", "model");
        }

        return Knows(query.Peer, query.Model)
            ? new ModelError(
                ErrorCause.Overloaded,
                query.Peer == "*" ? $"No peer with '{query.Model}' takes calls now; 'jesus peers' says why." : $"The peer '{query.Peer}' takes no calls now; 'jesus peers' says why.",
                RetryAfter: TimeSpan.FromSeconds(1))
            : new ModelError(ErrorCause.ModelNotFound, $"'{query.Model}' is offered by {who} that this box hears; 'jesus peers' shows what each offers.", "model");
    }

    public void Explain(in SourceQuery query, List<PassedOver> passedOver)
    {
        foreach (var peer in peers.Current)
        {
            if (!IsMeant(query, peer) || peer.Find(query.Model) is null)
            {
                continue;
            }

            var why = WasVisited(query, peer.Id) ? "the call has come through it" : options.MaxHops == 0 ? "federation.maxHops is 0" : peer.WhyNotEligible(query.NowMs);
            if (why.Length > 0)
            {
                passedOver.Add(new PassedOver($"peer:{peer.Id}/{query.Model}", why));
            }
        }
    }

    private static bool IsMeant(in SourceQuery query, PeerView peer) => query.Peer == "*" || query.Peer == peer.Id;

    private static bool WasVisited(in SourceQuery query, string peer)
    {
        for (var i = 0; i < query.Visited.Count; i++)
        {
            if (query.Visited[i] == peer)
            {
                return true;
            }
        }

        return false;
    }

    private static PeerOffer OfferOf(Candidate candidate, PeerModelView model, Lane lane, bool isWarm, long nowMs) => new(
        model.DelayMs(lane), model.PrefillTokensPerSecond, isWarm, candidate.Health.InFlight, model.TotalSlots, candidate.Health.Rests(nowMs));

    private static int TokensOf(ModelRequest request)
    {
        if (!request.PromptTokens.IsEmpty)
        {
            return request.PromptTokens.Length + request.ShownTokens.Length;
        }

        long bytes = 0;
        foreach (var part in request.Turns.Parts)
        {
            bytes += part.Text.Length;
        }

        foreach (var input in request.Inputs)
        {
            bytes += input.Length;
        }

        return (int)Math.Min(int.MaxValue, (bytes / BytesPerToken) + request.ShownTokens.Length);
    }

    /// <summary>The same one while the peer says the same of the model, so that what is known of it from calling it stays.</summary>
    private Candidate CandidateOf(string peer, PeerModelView model)
    {
        var known = _candidates.GetValueOrDefault((peer, model.Name));
        if (known is not null && IsAs(known.Traits, model))
        {
            return known;
        }

        if (_candidates.Count >= KeptMax)
        {
            _candidates.Clear();
        }

        var adapter = _adapters.GetOrAdd(peer, adapterOf);
        var candidate = new Candidate(adapter, model.Name, TraitsOf(model), known?.Health);
        _candidates[(peer, model.Name)] = candidate;
        return candidate;
    }

    private bool IsAs(CandidateTraits traits, PeerModelView model) =>
        traits.ContextTokens == model.ContextTokens && traits.Slots == model.TotalSlots && traits.AsksFor == PriceOf(model) && traits.LeavesBox != options.Trusted;

    private CandidateTraits TraitsOf(PeerModelView model) => new()
    {
        ContextTokens = model.ContextTokens,
        Slots = model.TotalSlots,
        AsksFor = PriceOf(model),
        LeavesBox = !options.Trusted,
    };

    private static Price PriceOf(PeerModelView model) => Price.PerToken((decimal)model.Price.InputMicroUsd, (decimal)model.Price.OutputMicroUsd) with
    {
        ComputeSecond = (decimal)model.Price.ComputeSecondMicroUsd,
        ComputeSecondsMax = model.Price.ComputeSecondMicroUsd > 0 ? new PriceOptions().ComputeSecondsMax : 0,
    };

    /// <summary>One thread's offers of one call; kept, so that a choice among few or many peers allocates nothing once it has grown.</summary>
    private sealed class Offers
    {
        private readonly List<Candidate> _who = [];
        private PeerOffer[] _offers = new PeerOffer[16];
        private double[] _expected = new double[16];

        public Candidate this[int index] => _who[index];

        public void Clear() => _who.Clear();

        public void Add(Candidate candidate, in PeerOffer offer)
        {
            if (_who.Count == _offers.Length)
            {
                Array.Resize(ref _offers, _offers.Length * 2);
                _expected = new double[_offers.Length];
            }

            _offers[_who.Count] = offer;
            _who.Add(candidate);
        }

        public int Choose(int promptTokens, ulong dice, Span<int> chosen) =>
            PeerSelector.Choose(_offers.AsSpan(0, _who.Count), promptTokens, dice, _expected, chosen);
    }
}
