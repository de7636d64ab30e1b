using System.Text.Json;
using Jesus.Appliance.Router;

namespace Jesus.Appliance.Gateway;

/// <summary>What a listed model can be asked for, in the words of the configuration: <c>"abilities": ["embeddings"]</c>. Left out where it is not known.</summary>
internal static class ModelAbilities
{
    public static void Write(Utf8JsonWriter json, ModelListing model)
    {
        if (model.Abilities == Abilities.None)
        {
            return;
        }

        json.WriteStartArray("abilities"u8);
        foreach (var (name, ability) in AbilityNames.All)
        {
            if (model.Abilities.HasFlag(ability))
            {
                json.WriteStringValue(name);
            }
        }

        json.WriteEndArray();
    }
}
