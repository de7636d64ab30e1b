using System.Diagnostics;
using System.Reflection;

namespace Jesus.Tests.Faults;

/// <summary>Tests that measure the whole process run while no other does.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    public const string Name = "alone";

    /// <summary>Unoptimised code makes objects of what optimised code keeps in registers (async state machines): its bytes say nothing.</summary>
    internal static void SkipUnlessOptimised(Type measured) => Assert.SkipWhen(
        measured.Assembly.GetCustomAttribute<DebuggableAttribute>()?.IsJITOptimizerDisabled == true,
        "Allocated bytes are measured in Release builds only: Debug makes objects of async state machines.");
}
