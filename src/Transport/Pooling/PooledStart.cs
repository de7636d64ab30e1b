using System.Runtime.CompilerServices;

namespace Jesus.Transport.Pooling;

/// <summary>What an asynchronous method does before it first waits must not change what flows in its caller: the framework's own start sees to that.</summary>
internal static class PooledStart
{
    public static void Run<TMachine>(ref TMachine machine)
        where TMachine : IAsyncStateMachine => default(AsyncValueTaskMethodBuilder).Start(ref machine);
}
