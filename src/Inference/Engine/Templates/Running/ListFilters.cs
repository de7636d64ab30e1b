using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Running;

/// <summary>Filters that go through a list: map, select and their kin.</summary>
internal static class ListFilters
{
    /// <summary><c>map(attribute="name")</c> or <c>map("filter")</c>.</summary>
    public static Value Map(CallFrame call)
    {
        var items = Sequences.Of(call.Place, call.Target);
        if (call.Arguments is [{ Name: "attribute" }, ..])
        {
            var attribute = call.Need(0, "attribute");
            var fallback = call.Get(1, "default");
            return new ListValue([.. items.Select(item => Lookups.Item(call.Place, item, attribute) is var found && found is UndefinedValue ? fallback ?? found : found)]);
        }

        var name = call.NeedText(0, "filter").ToString();
        var filter = Filters.Find(name) ?? throw call.Fault($"there is no filter '{name}'; known are {Filters.Known}.");
        var rest = call.Arguments[1..];
        return new ListValue([.. items.Select(item => filter(call with { Target = item, Arguments = rest }))]);
    }

    /// <summary><c>select("test", arguments)</c>, <c>selectattr("name", "test", arguments)</c> and the opposites; without a test, what is true is kept.</summary>
    public static Value Select(CallFrame call, bool byAttribute, bool keep)
    {
        var attribute = byAttribute ? call.NeedText(0, "attribute") : null;
        var testAt = byAttribute ? 1 : 0;
        var name = call.Get(testAt, "test") as TextValue;
        var test = name is null ? null : Tests.Find(name.ToString()) ?? throw call.Fault($"there is no test '{name}'; known are {Tests.Known}.");
        var rest = call.Arguments.Count > testAt + 1 ? call.Arguments[(testAt + 1)..] : [];
        var kept = new List<Value>();
        foreach (var item in Sequences.Of(call.Place, call.Target))
        {
            call.State.Step(call.Place);
            var value = attribute is null ? item : Lookups.Item(call.Place, item, attribute);
            var holds = test is null ? value.IsTrue : test(call with { Target = value, Arguments = rest }).IsTrue;
            if (holds == keep)
            {
                kept.Add(item);
            }
        }

        return new ListValue(kept);
    }

    public static Value Unique(CallFrame call)
    {
        var kept = new List<Value>();
        foreach (var item in Sequences.Of(call.Place, call.Target))
        {
            call.State.Step(call.Place);
            if (!kept.Exists(one => Value.AreEqual(one, item)))
            {
                kept.Add(item);
            }
        }

        return new ListValue(kept);
    }
}
