using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Federation.Messages;
using Jesus.Appliance.Scheduler;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Federation.Calls;

/// <summary>Whether a peer's call is taken, and as whom. What the message says of itself gives no right: only its subject does.</summary>
internal sealed class InboundDoor(CallSetup setup, FederationOptions options, string self)
{
    /// <param name="headerHops">Boxes that the headers say the call passed; the greater of all accounts holds.</param>
    public (RefusalReason Reason, string Words) Judge(InboundCall inbound, int headerHops)
    {
        var request = inbound.Request;
        if (setup.PrincipalOf(inbound.Caller) is not { } principal)
        {
            return (RefusalReason.NotAllowed, $"federation.callers names neither '{inbound.Caller}' nor *");
        }

        if (IsCircle(request, inbound.Caller, Math.Max(headerHops, Math.Max(request.Hops, request.Visited.Count))))
        {
            return (RefusalReason.Loop, "");
        }

        inbound.Model = request.Ask.Model.ToString();
        if (setup.Find(inbound.Model) is not { } model)
        {
            return (RefusalReason.NoSuchModel, "");
        }

        var needed = request.Numerics.IsUnknown ? request.Ask.ShownNumerics : request.Numerics;
        if (!needed.IsUnknown && !model.Numerics.IsUnknown && model.Numerics != needed)
        {
            return (RefusalReason.OtherNumerics, "");
        }

        // Who goes on with an answer that its client is reading has nowhere else to go; it waits at the door with the others.
        if (request.Ask.ShownTokens.IsEmpty && IsBusy(model, request.Lane))
        {
            return (RefusalReason.Busy, $"a new call would wait {model.DelayMs(request.Lane)} ms");
        }

        Fill(inbound, principal, model);
        return (RefusalReason.None, "");
    }

    /// <summary>It was here, or passed more boxes than may be; the sender must stand among those it passed.</summary>
    private bool IsCircle(InferRequest request, string caller, int hops)
    {
        var hasCaller = false;
        foreach (var box in request.Visited)
        {
            hasCaller |= System.Text.Ascii.Equals(box.Span, caller);
            if (System.Text.Ascii.Equals(box.Span, self))
            {
                return true;
            }
        }

        return !hasCaller || hops > options.MaxHops;
    }

    private bool IsBusy(PeerModelView model, Lane lane)
    {
        var max = lane switch { Lane.Interactive => setup.Limits.BusyInteractiveMs, Lane.Agent => setup.Limits.BusyAgentMs, _ => setup.Limits.BusyBatchMs };
        return model is { IsLoaded: true, FreeSlots: 0 } && model.DelayMs(lane) > max;
    }

    private void Fill(InboundCall inbound, Security.Principal principal, PeerModelView model)
    {
        var (call, request) = (inbound.Call, inbound.Request);
        request.CopyTo(call.Request, setup.Time);
        call.Principal = principal;
        call.Lane = request.Lane;
        call.DataClass = request.DataClass;
        call.Api = "peer";

        // Its caller chose this box: nothing sends it on but a route of the model's own name, while it may go through more boxes.
        call.IsPinned = true;
        call.RouteName = request.Visited.Count < options.MaxHops ? inbound.Model : "local/" + inbound.Model;
        foreach (var box in request.Visited)
        {
            call.Request.Visited.Add(new Utf8Slice(box.Memory));
        }

        inbound.Numerics = model.Numerics;
    }
}
