using Jesus.Appliance.Router;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

/// <summary>Who may answer a call: the route's own candidates, and those that its open links find among the boxes of the federation.</summary>
internal sealed class CandidateGathering(PipelineRooms rooms)
{
    /// <summary>How a name begins that asks for a box of the federation: <c>peer:ID/MODEL</c>, or <c>peer:*/MODEL</c>.</summary>
    private const string PeerPrefix = "peer:";

    private static readonly Route AnyPeer = OpenRoute("*");

    /// <summary>The route to a model that only other boxes have; null when none has it.</summary>
    public Route? RouteTo(ModelCall call, string name)
    {
        var (peer, model) = Split(name);
        return rooms.Peers is { } peers && !call.StaysHere && model.Length > 0 && peers.Knows(peer, model) ? peer == "*" ? AnyPeer : OpenRoute(peer) : null;
    }

    public void Gather(CallPath path)
    {
        path.Candidates.Clear();
        path.Links.Clear();
        var links = path.Route.Links;
        for (var link = 0; link < links.Count; link++)
        {
            if (links[link].Candidate is { } candidate)
            {
                path.Candidates.Add(candidate);
            }
            else if (rooms.Peers is { } peers && !path.Call.StaysHere)
            {
                var before = path.Candidates.Count;
                peers.Find(QueryOf(path, link), path.Candidates);
                DropRepeated(path.Candidates, before);
            }

            while (path.Links.Count < path.Candidates.Count)
            {
                path.Links.Add(link);
            }
        }
    }

    /// <summary>Why there is nobody, where every link is open.</summary>
    public ModelError WhyNobody(CallPath path)
    {
        for (var link = 0; link < path.Route.Links.Count; link++)
        {
            if (path.Route.Links[link].Candidate is null)
            {
                return rooms.Peers is null
                    ? new ModelError(ErrorCause.ModelNotFound, $"The route '{path.Route.Name}' asks other boxes, and this one is in no federation; set federation.nats.urls.", "model")
                    : path.Call.StaysHere
                        ? new ModelError(ErrorCause.ModelNotFound, "The call has come through as many boxes as it may (federation.maxHops), and this one has no such model.", "model")
                        : rooms.Peers.WhyNobody(QueryOf(path, link));
            }
        }

        return default;
    }

    /// <summary>The boxes that were passed over, and why.</summary>
    public void Explain(CallPath path, List<PassedOver> passedOver)
    {
        for (var link = 0; link < path.Route.Links.Count; link++)
        {
            if (path.Route.Links[link].Candidate is null && !path.Call.StaysHere)
            {
                rooms.Peers?.Explain(QueryOf(path, link), passedOver);
            }
        }
    }

    private SourceQuery QueryOf(CallPath path, int link)
    {
        var options = path.Route.Links[link].Options;
        return new SourceQuery(options.Peer, ModelOf(path, link), path.Call.Request, (int)path.Call.Lane, rooms.Time.NowMs(), rooms.Dice()) { Visited = path.Call.Visited };
    }

    /// <summary>Its own, else that of the link before, else the name asked for.</summary>
    private static string ModelOf(CallPath path, int link)
    {
        for (; link >= 0; link--)
        {
            var model = path.Route.Links[link] switch { { Candidate: { } candidate } => candidate.Model, var open => open.Options.Model };
            if (model.Length > 0)
            {
                return model;
            }
        }

        return Split(path.Call.RouteName).Model;
    }

    private static (string Peer, string Model) Split(string name)
    {
        if (!name.StartsWith(PeerPrefix, StringComparison.Ordinal))
        {
            return ("*", name);
        }

        var slash = name.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? (name[PeerPrefix.Length..], "") : (name[PeerPrefix.Length..slash], name[(slash + 1)..]);
    }

    private static Route OpenRoute(string peer)
    {
        var link = new RouteCandidateOptions("", "") { Peer = peer };
        return new Route(PeerPrefix + peer, new RouteOptions { Candidates = [link] }, [new RouteLink(null, link)]);
    }

    /// <summary>An earlier link has found it already.</summary>
    private static void DropRepeated(List<Candidate> candidates, int from)
    {
        for (var i = candidates.Count - 1; i >= from; i--)
        {
            if (candidates.IndexOf(candidates[i]) < i)
            {
                candidates.RemoveAt(i);
            }
        }
    }
}
