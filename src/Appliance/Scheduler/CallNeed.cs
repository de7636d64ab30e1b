using Jesus.Inference.Contract;

namespace Jesus.Appliance.Scheduler;

/// <summary>What the Scheduler must know of a call to set it aside for another, or others for it.</summary>
/// <param name="Hold">Reaches the call once it is under way; null: it is never set aside.</param>
/// <param name="Tokens">Of its prompt.</param>
/// <param name="FreeTokens">That the candidate has memory for; 0 when unknown.</param>
/// <param name="Caller">What it is known by when it comes back after a refusal (<see cref="CallerKey"/>); 0 is unknown.</param>
public readonly record struct CallNeed(CallHold? Hold, int Tokens = 0, int FreeTokens = 0, ulong Caller = 0);
