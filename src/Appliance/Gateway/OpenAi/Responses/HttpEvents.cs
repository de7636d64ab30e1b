using System.Buffers;
using Jesus.Appliance.Pipeline;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>
/// Events to a client that waits for them. The status goes out with the first event, so a call that failed before it gets a plain error. Reset with its
/// exchange.
/// </summary>
internal sealed class HttpEvents : IEventTarget
{
    private GatewayRequest _request;
    private ModelCall? _call;

    /// <summary>Something is on the wire: the status can no longer change.</summary>
    public bool Begun { get; private set; }

    public void Open(in GatewayRequest request, ModelCall call) => (_request, _call, Begun) = (request, call, false);

    public IBufferWriter<byte> Begin()
    {
        if (!Begun)
        {
            Begun = true;
            WriteHead(_request);
            AnswerHeaders.Write(_request, _call!);
        }

        return _request.Http.Response.BodyWriter;
    }

    public void End()
    {
    }

    public async ValueTask FlushAsync() => _ = await _request.Http.Response.BodyWriter.FlushAsync(_request.Aborted);

    public void Reset() => (_request, _call, Begun) = (default, null, false);

    public static void WriteHead(in GatewayRequest request)
    {
        var response = request.Http.Response;
        response.StatusCode = 200;
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        AnswerHeaders.WriteTime(request);
    }
}
