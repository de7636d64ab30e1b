using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Jesus.Profile;

namespace Jesus.Architecture;

/// <summary>The tool that turns what a runtime counted into what the Native-AOT compiler reads (eng/Profile), tried on an assembly that is there anyway: this one.</summary>
public sealed class ProfileToolTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("jesus-profile").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_dump_is_kept_as_text_and_read_back_the_same()
    {
        var dump = Path.Combine(_folder, "dump");
        File.WriteAllText(dump, """
            *** START PGO Data, max index = 1 ***
            @@@ codehash 0xB8A4BB77 methodhash 0x24AB8F62 ilSize 0x00000112 records 0x00000003
            MethodName: A.B`1[System.__Canon].Run
            Signature: instance int32  (wchar&,int32)
            Schema InstrumentationKind 385 ILOffset 23 Count 1 Other 24
            4000
            Schema InstrumentationKind 177 ILOffset 40 Count 1 Other 3221225472
            4000
            Schema InstrumentationKind 195 ILOffset 40 Count 3 Other 3221225472
            TypeHandle: A.D, Own, Version=1.0.0.0, Culture=neutral, PublicKeyToken=null
            TypeHandle: NULL
            TypeHandle: A.D, Own, Version=1.0.0.0, Culture=neutral, PublicKeyToken=null
            @@@ codehash 0xB8A4BB77 methodhash 0x24AB8F62 ilSize 0x00000010 records 0x00000001
            MethodName: A.C.Once
            Signature: void  ()
            Schema InstrumentationKind 385 ILOffset 0 Count 1 Other 8
            1
            *** END PGO Data ***
            """);
        var all = RuntimeDump.Read(dump).ToList();
        Assert.Equal([true, false], all.Select(m => m.IsWarm));

        var text = Path.Combine(_folder, "text");
        ProfileText.Write(text, all.Where(m => m.IsWarm));
        var method = Assert.Single(ProfileText.Read(text));
        Assert.Equal(("A.B`1[System.__Canon].Run", "instance int32  (wchar&,int32)", 0x112), (method.Name, method.Signature, method.IlBytes));
        Assert.Equal(new Edge(23, 24, 4000), Assert.Single(method.Edges));
        var call = Assert.Single(method.Calls);
        Assert.Equal((40, 3221225472, 4000), (call.Offset, call.Flags, call.Passes));
        Assert.Equal(("A.D, Own", 2), Assert.Single(call.Types));
    }

    [Fact]
    public void A_line_that_is_none_is_named_with_its_place()
    {
        var text = Path.Combine(_folder, "text");
        File.WriteAllText(text, "# head\nm\tmany\tA.B\tvoid  ()\n");
        Assert.Contains($"{text}:2: ", Assert.Throws<FormatException>(() => ProfileText.Read(text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_methods_that_are_as_they_were_measured_are_told_to_the_compiler()
    {
        var body = typeof(ProfileToolTests).GetMethod(nameof(Measured))!.GetMethodBody()!.GetILAsByteArray()!.Length;
        var seen = new TypesSeen(3, 0, 9, [("Jesus.Architecture.ProfileToolTests, Jesus.Architecture", 2), ("Gone.Type, Gone", 1)]);
        var same = new MethodProfile($"{typeof(ProfileToolTests).FullName}.{nameof(Measured)}", "int32  (class System.String)", body, [new Edge(0, 5, 700_000_000_000)], [seen]);
        using var assemblies = AssemblySet.Open([typeof(ProfileToolTests).Assembly.Location]);
        var writer = new MibcWriter(assemblies);
        Assert.True(writer.TryAdd(same));
        Assert.False(writer.TryAdd(same with { IlBytes = body + 1 }));
        Assert.False(writer.TryAdd(same with { Name = $"{typeof(ProfileToolTests).FullName}.Gone" }));

        var path = Path.Combine(_folder, "profile.mibc");
        writer.Save(path);
        using var file = new PEReader(File.OpenRead(path));
        var reader = file.GetMetadataReader();
        var methods = reader.MethodDefinitions.Select(reader.GetMethodDefinition).ToList();
        Assert.Equal(["Assemblies_Jesus.Architecture", "AssemblyDictionary"], methods.Select(m => reader.GetString(m.Name)));
        var member = reader.GetMemberReference(Assert.Single(reader.MemberReferences));
        Assert.Equal(nameof(Measured), reader.GetString(member.Name));
        var il = file.GetMethodBody(methods[0].RelativeVirtualAddress).GetILReader();
        Assert.Equal(ILOpCode.Ldtoken, (ILOpCode)il.ReadByte());
    }

    public static int Measured(string text) => text is null ? 0 : text.Length;
}
