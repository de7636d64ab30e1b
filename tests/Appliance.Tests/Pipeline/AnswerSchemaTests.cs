using System.Text.Json;
using Jesus.Appliance.Pipeline;

namespace Jesus.Appliance.Tests.Pipeline;

public sealed class AnswerSchemaTests
{
    private const string Person = """
        {"type":"object","required":["name","age"],"additionalProperties":false,"properties":{
          "name":{"type":"string","minLength":1,"pattern":"^[A-Z]"},"age":{"type":"integer","minimum":0,"exclusiveMaximum":150},
          "tags":{"type":"array","maxItems":2,"uniqueItems":true,"items":{"enum":["a","b","c"]}},
          "boss":{"anyOf":[{"$ref":"#"},{"type":"null"}]},"home":{"$ref":"#/$defs/place"}},
         "$defs":{"place":{"type":["string","object"],"properties":{"zip":{"type":"number","multipleOf":0.5}},"additionalProperties":{"type":"boolean"}}}}
        """;

    [Theory]
    [InlineData("""{"name":"Ann","age":41}""", "")]
    [InlineData("""{"name":"Ann","age":41.0,"tags":["a","b"],"boss":{"name":"Bob","age":1,"boss":null},"home":"x"}""", "")]
    [InlineData("""{"name":"Ann","age":41,"home":{"zip":1.5,"yes":true}}""", "")]
    [InlineData("""[]""", "it is no object")]
    [InlineData("""{"name":"Ann"}""", "it lacks 'age'")]
    [InlineData("""{"name":"Ann","age":1,"more":1}""", "'more' is not allowed")]
    [InlineData("""{"name":"","age":1}""", "'name' is too short")]
    [InlineData("""{"name":"ann","age":1}""", "'name' does not match its pattern")]
    [InlineData("""{"name":"Ann","age":1.5}""", "'age' is no integer")]
    [InlineData("""{"name":"Ann","age":-1}""", "'age' is below 0")]
    [InlineData("""{"name":"Ann","age":150}""", "'age' is not below 150")]
    [InlineData("""{"name":"Ann","age":1,"tags":["a","d"]}""", "'tags[1]' is none of the allowed values")]
    [InlineData("""{"name":"Ann","age":1,"tags":["a","b","c"]}""", "'tags' has too many items")]
    [InlineData("""{"name":"Ann","age":1,"tags":["a","a"]}""", "'tags' has an item twice")]
    [InlineData("""{"name":"Ann","age":1,"boss":{"name":"Bob"}}""", "'boss' fits none of the allowed forms")]
    [InlineData("""{"name":"Ann","age":1,"home":{"zip":1.25}}""", "'home.zip' is no multiple of 0.5")]
    [InlineData("""{"name":"Ann","age":1,"home":{"yes":1}}""", "'home.yes' is no boolean")]
    public void The_first_thing_that_is_wrong_is_named_with_its_place(string answer, string problem)
    {
        using var schema = JsonDocument.Parse(Person);
        using var value = JsonDocument.Parse(answer);
        Assert.Equal(problem, AnswerSchema.Problem(schema.RootElement, value.RootElement));
    }

    [Fact]
    public void A_schema_that_refers_to_itself_in_a_circle_ends()
    {
        using var schema = JsonDocument.Parse("""{"$ref":"#"}""");
        using var value = JsonDocument.Parse("1");
        Assert.Equal("", AnswerSchema.Problem(schema.RootElement, value.RootElement));
    }
}
