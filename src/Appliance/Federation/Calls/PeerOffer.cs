namespace Jesus.Appliance.Federation.Calls;

/// <summary>What the selector looks at of one peer that has the model. Plain values, so that a choice can be replayed.</summary>
/// <param name="DelayMs">That a new call of the lane would wait there, as the peer last said.</param>
/// <param name="PrefillPerSecond">Prompt tokens that it reads a second; 0 while nothing was measured.</param>
/// <param name="IsWarm">It served the conversation lately.</param>
/// <param name="OwnCalls">Calls of this box under way there.</param>
/// <param name="Slots">Calls that may be in progress there; 0 when unknown.</param>
/// <param name="Rests">It failed us lately.</param>
public readonly record struct PeerOffer(int DelayMs, double PrefillPerSecond, bool IsWarm, int OwnCalls, int Slots, bool Rests);
