using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>Which part of a list is wanted (Anthropic API reference, "Pagination").</summary>
/// <param name="After">Begin after this id; empty for the start.</param>
/// <param name="Before">End before this id; empty for no end.</param>
internal readonly record struct PageQuery(string After, string Before, int Limit)
{
    private const int LimitDefault = 20;

    public static (PageQuery Page, ApiFailure Failure) Read(IQueryCollection query, int limitMax)
    {
        var (limit, after, before) = (query["limit"].ToString(), query["after_id"].ToString(), query["before_id"].ToString());
        var count = LimitDefault;
        if (limit.Length > 0 && (!int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out count) || count < 1 || count > limitMax))
        {
            return (default, ApiFailure.Invalid("invalid_request", $"limit: must be an integer between 1 and {limitMax}.", "limit"));
        }

        return after.Length > 0 && before.Length > 0
            ? (default, ApiFailure.Invalid("invalid_request", "after_id and before_id exclude each other: give one.", "before_id"))
            : (new PageQuery(after, before, count), default);
    }

    /// <summary>The part of a list that is all there. An id that is not in it yields an empty page.</summary>
    public Page<T> Take<T>(IReadOnlyList<T> all, Func<T, string> id)
    {
        var (start, end) = (0, all.Count);
        for (var i = 0; i < all.Count; i++)
        {
            start = After.Length > 0 && id(all[i]) == After ? i + 1 : start;
            end = Before.Length > 0 && id(all[i]) == Before ? i : end;
        }

        if ((After.Length > 0 && start == 0) || (Before.Length > 0 && end == all.Count))
        {
            return new Page<T>([], false);
        }

        var first = Before.Length > 0 ? Math.Max(0, end - Limit) : start;
        var last = Math.Min(end, first + Limit);
        return new Page<T>([.. all.Skip(first).Take(last - first)], Before.Length > 0 ? first > 0 : last < end);
    }
}

/// <param name="HasMore">In the direction in which the list was walked.</param>
internal sealed record Page<T>(IReadOnlyList<T> Items, bool HasMore)
{
    /// <summary>What every list ends with.</summary>
    public void WriteEnds(Utf8JsonWriter json, Func<T, string> id)
    {
        json.WriteString("first_id"u8, Items.Count > 0 ? id(Items[0]) : null);
        json.WriteString("last_id"u8, Items.Count > 0 ? id(Items[^1]) : null);
        json.WriteBoolean("has_more"u8, HasMore);
    }
}
