using System.Text;
using Jesus.Appliance.Runner.Workflows;

namespace Jesus.Appliance.Tests.Runner;

public sealed class WorkflowParserTests
{
    /// <summary>File (one line each), then the error's place and a piece of its message.</summary>
    public static TheoryData<string, int, int, string> BadFiles => new()
    {
        { "", 1, 1, "the file is empty" },
        { "name: x", 1, 1, "needs the field 'steps'" },
        { "steps: {a: {prompt: {user: hi}}}", 1, 1, "needs the field 'name'" },
        { "name: x\nstep: {}\nsteps: {a: {prompt: {user: hi}}}", 2, 1, "no field 'step'; did you mean 'steps'?" },
        { "name: x\nsteps:\n  a:\n    promt: {user: hi}", 4, 5, "no field 'promt'; did you mean 'prompt'?" },
        { "name: x\nsteps:\n  a:\n    loop: {}", 4, 5, "'loop' is not implemented yet" },
        { "name: x\nsteps:\n  a:\n    signal: {}", 4, 5, "'signal' is not implemented yet" },
        { "name: x\nschedule: daily\nsteps: {a: {prompt: {user: hi}}}", 2, 1, "'schedule' is not implemented yet" },
        { "name: x\nsteps:\n  a: {prompt: {user: hi}, compensate: {}}", 3, 27, "'compensate' is not implemented yet" },
        { "name: x\nsteps:\n  a: {prompt: {user: hi}, tool: {name: calc}}", 3, 27, "a step has one kind" },
        { "name: x\nsteps:\n  a: {needs: b, prompt: {user: hi}}", 3, 14, "there is no step 'b' here" },
        { "name: x\nsteps:\n  a: {needs: b, prompt: {user: hi}}\n  b: {needs: a, prompt: {user: hi}}", 3, 3, "a needs b needs a" },
        { "name: x\nsteps:\n  a: {prompt: {user: hi}}\n  b: {prompt: {user: \"${steps.a.output}\"}}", 4, 25, "without waiting for it: add 'a' to its needs" },
        { "name: x\nsteps:\n  a: {prompt: {user: \"say ${inputs.who}\"}}", 3, 29, "no input 'who'" },
        { "name: x\nsteps:\n  a: {tool: {name: clac}}", 3, 20, "no tool 'clac'; did you mean 'calc'?" },
        { "name: x\nsteps:\n  a: {tool: {name: calc, arguments: {expresion: 1}}}", 3, 38, "no argument 'expresion'; did you mean 'expression'?" },
        {
            "name: x\nsteps:\n  a: {tool: {name: calc, arguments: {expression: '1'}}}\n  b: {needs: a, prompt: {user: \"${steps.a.output.resul}\"}}",
            4, 35, "no field 'resul'; did you mean 'result'?"
        },
        { "name: x\nsteps:\n  a: {prompt: {user: hi}}\n  b: {needs: a, when: \"${steps.a.output} > 5\", prompt: {user: hi}}", 4, 26, "a string and a number have no order" },
        { "name: x\nsteps:\n  a: {when: \"5\", prompt: {user: hi}}", 3, 14, "this must be a boolean, and is a number" },
        { "name: x\nsteps:\n  a: {map: {over: \"${inputs.s}\", step: {prompt: {user: hi}}}}\ninputs: {s: string}", 3, 22, "this must be a list, and is a string" },
        { "name: x\nsteps:\n  a: {prompt: {user: \"${item}\"}}", 3, 25, "'item' exists only inside a map" },
        { "name: x\nsteps:\n  a: &anchor {prompt: {user: hi}}", 3, 6, "an anchor" },
        { "name: x\nsteps:\n  a: *alias", 3, 6, "an alias" },
        { "name: x\nsteps:\n  a: !tag {prompt: {user: hi}}", 3, 6, "a tag" },
        { "name: x\nname: y\nsteps: {a: {prompt: {user: hi}}}", 2, 1, "'name' is here twice" },
        { "name: x\nsteps:\n  a: {prompt: {user: hi}, retry: {attempts: 99}}", 3, 45, "whole number from 1 to 20" },
        { "name: x\nsteps:\n  a: {prompt: {user: hi}, timeout: soon}", 3, 36, "a duration up to" },
        { "name: x\nsteps:\n  a: {prompt: {user: hi}, output: {schema: {type: strin}}}", 3, 44, "there is no type 'strin'" },
        { "name: x\nsteps:\n  a: {prompt: {user: hi}, output: {schema: {pattern: a}}}", 3, 44, "'pattern' is not enforced" },
        { "name: x\nsteps:\n  1a: {prompt: {user: hi}}", 3, 3, "'1a' is no step id" },
        { "name: x\ninputs: {a: strng}\nsteps:\n  a: {prompt: {user: hi}}", 2, 13, "no type of an input; did you mean 'string'?" },
        { "name: x\ninputs: {a: {type: integer, default: one}}\nsteps:\n  a: {prompt: {user: hi}}", 2, 38, "type integer, and a string was given" },
        { "name: x\nsteps:\n  a: {prompt: {user: 'x ${1 +}'}}", 3, 29, "'+' means nothing here" },
        { "name: x\nsteps: [", 2, 9, "this is not YAML" },
        { "name: x\nsteps:\n  a:\n    prompt:\n      user: |\n        first line\n        second ${inputs.nobody} line", 7, 18, "no input 'nobody'" },
    };

    [Theory]
    [MemberData(nameof(BadFiles))]
    public void A_bad_file_names_the_place_and_what_is_wrong(string yaml, int line, int column, string message)
    {
        var result = WorkflowParser.Parse(Encoding.UTF8.GetBytes(yaml), "bad.yaml");
        Assert.Null(result.Workflow);
        Assert.Contains(result.Errors, error => error.Message.Contains(message, StringComparison.Ordinal));
        var found = result.Errors.First(error => error.Message.Contains(message, StringComparison.Ordinal));
        Assert.Equal(("bad.yaml", line, column), (found.File, found.Line, found.Column));
    }

    [Fact]
    public void All_errors_of_a_file_are_reported_at_once_in_its_order()
    {
        var result = WorkflowParser.Parse("name: 1x\nextra: 1\nsteps:\n  a: {tool: {name: nope}}\n  b: {needs: c, prompt: {user: \"${inputs.x}\"}}"u8.ToArray(), "bad.yaml");
        Assert.Equal([1, 2, 4, 5, 5], result.Errors.Select(error => error.Line));
        Assert.StartsWith("bad.yaml:1:7: ", result.Errors[0].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_over_its_size_is_refused_unread()
    {
        var result = WorkflowParser.Parse(new byte[WorkflowLimits.FileBytes + 1], "large.yaml");
        Assert.Contains("bytes, more than", Assert.Single(result.Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nesting_without_end_is_refused()
    {
        var result = WorkflowParser.Parse(Encoding.UTF8.GetBytes("name: x\nsteps: " + new string('[', 100) + new string(']', 100)), "deep.yaml");
        Assert.Contains(result.Errors, error => error.Message.Contains("nests deeper", StringComparison.Ordinal));
    }

    [Fact]
    public void A_sub_workflow_is_named_for_the_submitter_and_its_errors_carry_its_own_file()
    {
        var outer = "name: outer\nsteps:\n  s: {run: {workflow: inner.yaml}}"u8.ToArray();
        var alone = WorkflowParser.Parse(outer, "outer.yaml");
        Assert.Empty(alone.Errors);
        Assert.Equal(["inner.yaml"], alone.ReferencedFiles);

        var files = new Dictionary<string, ReadOnlyMemory<byte>> { ["inner.yaml"] = "name: inner\nsteps:\n  a: {prompt: {}}"u8.ToArray() };
        var together = WorkflowParser.Parse(outer, "outer.yaml", files);
        Assert.Contains(together.Errors, error => error is { File: "inner.yaml", Line: 3 } && error.Message.Contains("needs the field 'user'", StringComparison.Ordinal));

        var missing = WorkflowParser.Parse(outer, "outer.yaml", new Dictionary<string, ReadOnlyMemory<byte>>());
        Assert.Contains("was not sent along", Assert.Single(missing.Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_workflow_that_runs_itself_is_refused()
    {
        var file = "name: self\nsteps:\n  s: {run: {workflow: self.yaml}}"u8.ToArray();
        var result = WorkflowParser.Parse(file, "self.yaml", new Dictionary<string, ReadOnlyMemory<byte>> { ["self.yaml"] = file });
        Assert.Contains(result.Errors, error => error.Message.Contains("does 'self.yaml' run itself?", StringComparison.Ordinal));
    }

    [Fact]
    public void A_steps_of_a_map_see_the_item_and_what_is_around()
    {
        var result = WorkflowParser.Parse(
            """
            name: scopes
            inputs: {path: file}
            steps:
              find: {tool: {name: text.search, arguments: {path: path, pattern: x}}}
              each:
                needs: find
                map:
                  over: ${steps.find.output.lines}
                  as: line
                  steps:
                    a: {prompt: {user: "${line}", inputs: {line: "${line}"}}}
                    b: {needs: a, prompt: {user: "${steps.a.output} of ${steps.find.output.count}"}}
                  output: {text: "${steps.b.output}", line: "${line}"}
            """u8.ToArray(),
            "scopes.yaml");
        Assert.Empty(result.Errors);
        var map = Assert.IsType<MapBody>(result.Workflow!.Graph.Steps[1].Body);
        Assert.Equal(2, map.Graph.Steps.Count);
    }
}
