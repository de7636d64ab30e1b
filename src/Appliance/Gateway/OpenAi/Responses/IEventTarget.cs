using System.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>Where a response's events go: a client's connection, or the log of a response in the background.</summary>
internal interface IEventTarget
{
    /// <summary>Begins an event.</summary>
    IBufferWriter<byte> Begin();

    /// <summary>The event is whole.</summary>
    void End();

    /// <summary>Sends what was written.</summary>
    ValueTask FlushAsync();
}
