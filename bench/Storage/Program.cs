using System.Globalization;
using Jesus.Bench.Storage;

// Usage: Storage [SECONDS a measurement] [FOLDER on the disk to measure]
var seconds = args.Length > 0 ? double.Parse(args[0], CultureInfo.InvariantCulture) : 2;
var folder = Directory.CreateDirectory(Path.Combine(args.Length > 1 ? args[1] : Directory.GetCurrentDirectory(), ".bench-storage-" + Environment.ProcessId)).FullName;
try
{
    await new JournalBench(folder, TimeSpan.FromSeconds(seconds)).RunAsync(rounds: 3);
}
finally
{
    Directory.Delete(folder, recursive: true);
}
