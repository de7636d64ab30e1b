using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Scheduler;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>What every endpoint of OpenAI's API does round a model call.</summary>
internal static class ModelCalls
{
    /// <summary>Says who calls, for which model, and under which ids.</summary>
    /// <returns>What is wrong with a header of ours.</returns>
    public static ApiFailure Address(in GatewayRequest request, ModelCall call, string model, TimeProvider time)
    {
        call.Principal = request.Principal;
        call.Lane = Lane.Interactive;
        call.RouteName = model;
        call.Api = "openai";
        var text = call.Request.Text;
        var trace = request.Http.Request.Headers.TraceParent.ToString();
        call.Request.Ids = new CallIds(text.Copy(request.RequestId), text.Copy(trace), text.Copy(request.Principal.Id));
        return RouteHeaders.Read(request.Http.Request, call, time);
    }

    /// <summary>The head of a whole answer.</summary>
    public static void SayWhoAnswered(in GatewayRequest request, ModelCall call, in Outcome outcome)
    {
        AnswerHeaders.Write(request, call);
        request.Http.Response.Headers["x-jesus-candidate"] = outcome.Candidate;
        RouteHeaders.WriteCost(request.Http.Response, outcome);
    }

    /// <summary>Answers a call that failed before its answer had begun.</summary>
    public static Task FailAsync(in GatewayRequest request, ModelCall call, in Outcome outcome)
    {
        AnswerHeaders.Write(request, call);
        return ErrorReply.SendAsync(request, ApiFailure.Of(outcome));
    }
}
