using Jesus.Profile;

const string Usage = """
    use: take DUMP PROFILE                 keeps what is warm of a runtime's dump (DOTNET_WritePGOData)
         write PROFILE MIBC @REFERENCES    makes the compiler's file of it; REFERENCES lists assemblies, one a line
    """;

// Some are the runtime's own and have no counterpart with Native AOT, others are generic methods, whose arguments its dump does not tell: 87 % of a fresh profile are found.
const double FreshMin = 0.7;

try
{
    switch (args)
    {
        case ["take", var dump, var profile]:
            var warm = RuntimeDump.Read(dump).Where(m => m.IsWarm).ToList();
            ProfileText.Write(profile, warm);
            Console.WriteLine($"{warm.Count} warm methods are in {profile}");
            return 0;
        case ["write", var profile, var mibc, ['@', .. var references]]:
            using (var assemblies = AssemblySet.Open(File.ReadLines(references)))
            {
                var writer = new MibcWriter(assemblies);
                var methods = ProfileText.Read(profile);
                var written = methods.Count(writer.TryAdd);
                writer.Save(mibc);
                Console.WriteLine($"{written} of {methods.Count} profiled methods are as they were measured");
                if (written < methods.Count * FreshMin)
                {
                    Console.WriteLine($"much has changed since {profile} was written: eng/profile.sh writes it anew");
                }
            }

            return 0;
        default:
            Console.Error.WriteLine(Usage);
            return 2;
    }
}
catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException or FormatException)
{
    Console.Error.WriteLine(wrong.Message);
    return 1;
}
