namespace Jesus.Inference.Contract;

/// <summary>Where an answer goes as it arrives. One writer at a time; awaiting it is the back pressure.</summary>
public interface IAnswerSink
{
    ValueTask WriteAsync(ModelEvent item);
}
