using Jesus.Appliance.Router;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;
using Jesus.Transport.Timing;

namespace Jesus.Appliance.Pipeline;

/// <summary>Step 2: gathers what the router must know of a call and of the candidates, and lets it choose route and order. Calls nobody.</summary>
internal sealed class CallPlanner(PipelineRooms rooms)
{
    /// <summary>Chooses the route by rule, else by the name asked for, and plans it.</summary>
    public bool Plan(CallPath path)
    {
        path.Table ??= rooms.Routes.Enter();
        path.Facts.Begin(path.Call);
        if (path.Call.IsPinned)
        {
            return Plan(path, path.Table.Find(path.Call.RouteName), path.Call.RouteName, path.Call.DataClass);
        }

        var route = path.Table.Choose(path.Facts, out var rule) ?? (path.Call.RouteName.Length > 0 ? rooms.Peers?.RouteFor(path.Call.RouteName) : null);
        if (rule is not null)
        {
            path.Call.Decisions.Add(new Decision(rule.Name, DecisionLog.PlannedByRule));
        }

        return Plan(path, route, path.Call.RouteName, path.Call.DataClass);
    }

    /// <summary>Plans another route than the one that was planned, without rules: where a soft cap sends a call. The data stays of the class that it had there.</summary>
    public bool PlanInstead(CallPath path, Route route)
    {
        path.Facts.Begin(path.Call);
        return Plan(path, route, route.Name, path.DataClass);
    }

    private bool Plan(CallPath path, Route? route, string name, DataClass data)
    {
        if (route is null)
        {
            path.Error = UnknownRoute(path.Table!, name);
            return false;
        }

        path.Route = route;
        path.Call.RouteTaken = route.Name;
        path.DataClass = data > route.DataClass ? data : route.DataClass;
        var nobody = Gather(path);
        path.Fit();
        View(path);
        path.Error = RoutePlanner.Plan(route, path.Candidates, FactsOf(path), path.Views.AsSpan(0, path.Candidates.Count), path.Plan, path.Call.Decisions);
        path.Error = path.Candidates.Count == 0 && !nobody.IsNone ? nobody : path.Error;
        return path.Error.IsNone;
    }

    /// <summary>Whom the route's links stand for now. Returns why a link to peers found nobody, if one did.</summary>
    private ModelError Gather(CallPath path)
    {
        path.Candidates.Clear();
        var links = path.Route.Links;
        var nobody = default(ModelError);
        for (var i = 0; i < links.Count; i++)
        {
            if (links[i].Candidate is { } candidate)
            {
                path.Candidates.Add(candidate, i);
            }
            else if (Expand(path, i) is { IsNone: false } why)
            {
                nobody = why;
                path.Call.Decisions.Add(new Decision(links[i].Name, "no peer", why.Cause));
            }
        }

        return nobody;
    }

    private ModelError Expand(CallPath path, int link) => rooms.Peers is { } peers
        ? peers.Expand(AskOf(path, path.Route.Links[link].Options), path.Candidates, link)
        : new ModelError(
            ErrorCause.ModelNotFound, $"The route '{path.Route.Name}' asks peers, and this box is in no federation; set federation.nats.urls, or add another candidate.");

    internal SourceAsk AskOf(CallPath path, RouteCandidateOptions link) => new(
        link.Peer, link.Model.Length > 0 ? link.Model : path.Call.RouteName, path.Call.Request, rooms.Time.NowMs(), rooms.Dice())
    {
        Priority = (int)path.Call.Lane,
    };

    /// <summary>Every box that the planned route's links to peers looked at.</summary>
    internal IReadOnlyList<ExplainedPeer> PeersOf(CallPath path)
    {
        var looked = new List<ExplainedPeer>();
        foreach (var link in path.Route.Links)
        {
            if (link.Candidate is null)
            {
                rooms.Peers?.Explain(AskOf(path, link.Options), looked);
            }
        }

        return looked;
    }

    internal PlanFacts FactsOf(CallPath path)
    {
        var request = path.Call.Request;
        return new PlanFacts(path.DataClass, rooms.Redactor is not null, rooms.Time.NowMs(), rooms.Dice())
        {
            Needs = path.Facts.Needs,
            BodyShape = request.BodyShape,
            VerbatimOnly = request.VerbatimOnly,
            Prefix = path.Route.Options.Policy == RoutePolicyKind.StickyPrefix ? PrefixHash.Of(request) : 0,
            OutputTokens = path.Facts.OutputTokens,
        };
    }

    private void View(CallPath path)
    {
        var looksAtLoad = path.Route.Options.Policy is RoutePolicyKind.LeastLoaded or RoutePolicyKind.StickyPrefix;
        var now = rooms.Time.NowMs();
        for (var i = 0; i < path.Candidates.Count; i++)
        {
            var candidate = path.Candidates[i];
            var tokens = path.Facts.PromptTokens(candidate);
            var price = path.Facts.PriceOf(candidate);
            path.InputTokens[i] = tokens;
            path.Prices[i] = price;
            path.Bounds[i] = path.Facts.BoundOf(candidate, price, tokens);
            path.Views[i] = new CandidateView
            {
                Weight = path.Route.WeightOf(path.Candidates.LinkOf(i)),
                InputTokens = tokens,
                Price = price,
                Bound = path.Bounds[i],
                Rests = candidate.Health.Rests(now),
                Speed = candidate.Health.Speed,
                Hash = candidate.Hash,
            };
            if (looksAtLoad)
            {
                Load(ref path.Views[i], candidate);
            }
        }
    }

    /// <summary>The server's own word counts the calls of others too; ours is newer.</summary>
    internal static void Load(ref CandidateView view, Candidate candidate)
    {
        var capacity = candidate.Adapter.Capacity(new ModelKey(candidate.Model));
        view.InProgress = Math.Max(candidate.Health.InFlight, capacity.InProgress);
        view.Slots = candidate.Traits.Slots > 0 ? candidate.Traits.Slots : capacity.TotalSlots == int.MaxValue ? 0 : capacity.TotalSlots;
    }

    private static ModelError UnknownRoute(RouteTable table, string name)
    {
        if (name.Length == 0)
        {
            return new ModelError(
                ErrorCause.ModelNotFound, "The call names no model, and no default is set; name one (jesus models list), or set routes.default.", "model");
        }

        var near = table.Nearest(name);
        var hint = near.Count == 0 ? "" : $" Did you mean {string.Join(" or ", near.Select(n => $"'{n}'"))}?";
        return new ModelError(ErrorCause.ModelNotFound, $"No route or model is named '{name}'.{hint} 'jesus models list' shows what there is.", "model");
    }
}
