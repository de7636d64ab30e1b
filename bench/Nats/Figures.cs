namespace Jesus.Bench.Nats;

/// <summary>What one run of a row came to.</summary>
/// <param name="PerSecond">Messages, or requests with their answers.</param>
/// <param name="CpuNs">Processor time of the measured process for each of them.</param>
/// <param name="P50Us">Of a request; 0 for rows without.</param>
/// <param name="P99Us">The same.</param>
/// <param name="BytesEach">Managed bytes allocated for each, in the whole process; not a number where there is no such thing.</param>
internal readonly record struct Figures(double PerSecond, double CpuNs, double P50Us = 0, double P99Us = 0, double BytesEach = double.NaN);
