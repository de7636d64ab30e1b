using System.Text;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Tools;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Runner;

public sealed class RunServiceTests
{
    [Fact]
    public async Task A_workflow_runs_its_steps_in_order_and_yields_its_outputs()
    {
        using var rig = new RunnerRig(request => new FakeAnswer("said: " + FakeModel.LastText(request)));
        var view = await rig.RunAsync(
            """
            name: two
            inputs:
              who: string
            steps:
              sum:
                tool: {name: calc, arguments: {expression: "2 * 21"}}
              greet:
                needs: sum
                prompt: {user: "Hello ${inputs.who}, ${steps.sum.output.result}"}
                artifact: hello.txt
            outputs:
              text: ${steps.greet.output}
              number: ${steps.sum.output.result}
            """,
            ("who", "Ada"));

        Assert.Equal(RunStateName.Succeeded, view.State);
        Assert.Equal("said: Hello Ada, 42", view.Outputs!.Value.GetProperty("text").GetString());
        Assert.Equal(42, view.Outputs!.Value.GetProperty("number").GetInt32());
        Assert.Equal((10, 3, 7), (view.TokensIn, view.TokensOut, view.CostMicroUsd));
        var artifact = await rig.Service.OpenArtifactAsync(view.Id, "hello.txt", RunnerRig.Alice, CancellationToken.None);
        Assert.Equal("said: Hello Ada, 42", Encoding.UTF8.GetString(artifact!.Bytes.Span));
        Assert.Equal("greet", artifact.Artifact.Step);
    }

    [Fact]
    public async Task A_false_when_skips_a_step_and_its_output_is_null()
    {
        using var rig = new RunnerRig();
        var view = await rig.RunAsync("""
            name: choosing
            steps:
              a: {tool: {name: calc, arguments: {expression: "1"}}}
              b:
                needs: a
                when: ${steps.a.output.result} > 5
                tool: {name: calc, arguments: {expression: "2"}}
              c:
                needs: b
                when: ${steps.b.output} == null
                tool: {name: calc, arguments: {expression: "3"}}
            outputs:
              b: ${default(steps.b.output, "none")}
              c: ${steps.c.output.result}
            """);
        Assert.Equal(StepStateName.Skipped, view.Steps![1].State);
        Assert.Equal("none", view.Outputs!.Value.GetProperty("b").GetString());
        Assert.Equal(3, view.Outputs!.Value.GetProperty("c").GetInt32());
    }

    [Fact]
    public async Task A_map_walks_a_list_and_keeps_its_order()
    {
        using var rig = new RunnerRig();
        var view = await rig.RunAsync(
            """
            name: mapping
            inputs:
              numbers: list
            steps:
              double:
                map:
                  over: ${inputs.numbers}
                  as: n
                  concurrency: 3
                  step:
                    tool: {name: calc, arguments: {expression: "${n} * 2"}}
                  output: ${steps.step.output.result}
            outputs:
              all: ${steps.double.output}
            """,
            ("numbers", "[1,2,3,4,5,6,7,8,9,10]"));
        Assert.Equal("[2,4,6,8,10,12,14,16,18,20]", view.Outputs!.Value.GetProperty("all").GetRawText());
        Assert.Equal((10, 10), (view.Steps![0].ChildrenTotal, view.Steps[0].ChildrenDone));
    }

    [Fact]
    public async Task A_map_over_nothing_yields_an_empty_list()
    {
        using var rig = new RunnerRig();
        var view = await rig.RunAsync(
            "name: empty\ninputs: {all: list}\nsteps:\n  m: {map: {over: \"${inputs.all}\", step: {prompt: {user: hello}}}}\noutputs: {all: \"${steps.m.output}\"}", ("all", "[]"));
        Assert.Equal(RunStateName.Succeeded, view.State);
        Assert.Equal("[]", view.Outputs!.Value.GetProperty("all").GetRawText());
    }

    [Fact]
    public async Task An_agent_calls_tools_until_it_answers()
    {
        using var rig = new RunnerRig(request => request.Turns[request.Turns.Count - 1].Role == TurnRole.Tool
            ? new FakeAnswer("It is " + FakeModel.LastText(request))
            : new FakeAnswer("{\"expression\":\"6*7\"}", Tool: "calc"));
        var view = await rig.RunAsync("name: ask\nsteps:\n  a: {agent: {task: \"What is 6*7?\", tools: [calc]}}\noutputs: {answer: \"${steps.a.output}\"}");
        Assert.Equal("It is 42", view.Outputs!.Value.GetProperty("answer").GetString());
        Assert.Equal("calc", Assert.Single(view.Steps![0].Children).Id);
    }

    [Fact]
    public async Task An_agent_is_told_what_was_wrong_with_its_call()
    {
        var turn = 0;
        using var rig = new RunnerRig(request => ++turn switch
        {
            1 => new FakeAnswer("{\"expression\":5}", Tool: "calc"),
            2 => new FakeAnswer("{}", Tool: "rm"),
            3 => new FakeAnswer("not json", Tool: "calc"),
            _ => new FakeAnswer("I give up"),
        });
        var view = await rig.RunAsync("name: ask\nsteps:\n  a: {agent: {task: \"go\", tools: [calc]}}");
        Assert.Equal(RunStateName.Succeeded, view.State);
        string[] asked = [.. rig.Model.Asked];
        Assert.Contains("'expression' must be string", asked[1], StringComparison.Ordinal);
        Assert.Contains("there is no tool 'rm'; the tools are calc", asked[2], StringComparison.Ordinal);
        Assert.Contains("not JSON", asked[3], StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_agent_that_never_answers_fails_at_its_turn_limit()
    {
        using var rig = new RunnerRig(_ => new FakeAnswer("{\"expression\":\"1\"}", Tool: "calc"));
        var view = await rig.RunAsync("name: ask\nsteps:\n  a: {agent: {task: \"go\", tools: [calc], max_turns: 3}}");
        Assert.Equal(RunStateName.Failed, view.State);
        Assert.Contains("max_turns", view.Error!, StringComparison.Ordinal);
        Assert.Equal(3, rig.Model.Asked.Count);
    }

    [Fact]
    public async Task An_answer_that_does_not_fit_its_schema_is_tried_again()
    {
        var calls = 0;
        using var rig = new RunnerRig(_ => new FakeAnswer(++calls < 3 ? "{\"level\":\"odd\"}" : "{\"level\":\"low\"}"));
        var view = await rig.RunAsync("""
            name: shaped
            steps:
              a:
                prompt: {user: judge}
                output: {schema: {type: object, properties: {level: {enum: [low, high]}}, required: [level]}}
                retry: {attempts: 3, backoff: 1ms}
            outputs: {level: "${steps.a.output.level}"}
            """);
        Assert.Equal("low", view.Outputs!.Value.GetProperty("level").GetString());
        Assert.Equal(3, view.Steps![0].Attempts);
        Assert.Equal(30, view.TokensIn);
    }

    [Fact]
    public async Task A_failed_run_says_which_step_and_why_and_a_retry_keeps_what_is_done()
    {
        var calls = 0;
        var works = false;
        var tool = new FakeTool("flaky", ToolPurity.ReadOnly, (_, _) =>
            ValueTask.FromResult(works ? ToolResult.Of(JsonValues.True) : ToolResult.Failed("the flaky thing is broken")));
        var counter = new FakeTool("once", ToolPurity.ReadOnly, (_, _) => ValueTask.FromResult(ToolResult.Of(JsonValues.Of(++calls))));
        using var rig = new RunnerRig(tools: [tool, counter]);
        var id = await rig.SubmitAsync("name: failing\nsteps:\n  one: {tool: {name: once}}\n  two: {needs: one, tool: {name: flaky}}\n  three: {needs: two, tool: {name: once}}");
        var failed = await rig.EndAsync(id);
        Assert.Equal((RunStateName.Failed, "step 'two': the flaky thing is broken"), (failed.State, failed.Error));
        Assert.Equal(StepStateName.Cancelled, failed.Steps![2].State);

        works = true;
        var reply = await rig.Service.RetryAsync(id, RunnerRig.Alice, CancellationToken.None);
        Assert.Equal(RunReplyCode.Done, reply.Code);
        Assert.Equal(RunStateName.Succeeded, (await rig.UntilAsync(id, view => view.IsFinished)).State);
        Assert.Equal(2, calls);
    }

    [Fact]
    public async Task An_approval_waits_is_explained_and_goes_on_when_answered()
    {
        using var rig = new RunnerRig();
        var id = await rig.SubmitAsync("""
            name: asking
            steps:
              ask: {approve: {message: "Release it?"}}
              go:
                needs: ask
                prompt: {user: "released by ${steps.ask.output.by}: ${steps.ask.output.note}"}
            """);
        var waiting = await rig.UntilAsync(id, view => view.State == RunStateName.Waiting);
        Assert.Equal(StepStateName.Waiting, waiting.Steps![0].State);
        var why = await rig.Service.ExplainAsync(id, RunnerRig.Alice, CancellationToken.None);
        Assert.Contains("Release it?", why!.Summary, StringComparison.Ordinal);
        Assert.Equal(["approval", "needs"], why.Causes.Select(cause => cause.Cause));

        Assert.Equal(RunReplyCode.WrongState, (await rig.Service.ApproveAsync(id, "nobody", true, "", RunnerRig.Alice, CancellationToken.None)).Code);
        Assert.Equal(RunReplyCode.Done, (await rig.Service.ApproveAsync(id, "", true, "fine", RunnerRig.Alice, CancellationToken.None)).Code);
        Assert.Equal(RunStateName.Succeeded, (await rig.EndAsync(id)).State);
        Assert.Equal("released by local:alice: fine", rig.Model.Asked.Single());
    }

    [Fact]
    public async Task A_no_fails_the_run_and_silence_counts_as_a_no()
    {
        using var rig = new RunnerRig();
        var refused = await rig.SubmitAsync("name: asking\nsteps:\n  ask: {approve: {message: go}}");
        _ = await rig.UntilAsync(refused, view => view.State == RunStateName.Waiting);
        _ = await rig.Service.ApproveAsync(refused, "ask", false, "too early", RunnerRig.Alice, CancellationToken.None);
        Assert.Equal("step 'ask': refused by local:alice: too early", (await rig.EndAsync(refused)).Error);

        var silent = await rig.RunAsync("name: asking\nsteps:\n  ask: {approve: {message: go, timeout: 10ms}}");
        Assert.Equal((RunStateName.Failed, "step 'ask': nobody answered in time, which counts as a no"), (silent.State, silent.Error));
    }

    [Fact]
    public async Task Cancelling_stops_the_steps_in_progress()
    {
        var started = new TaskCompletionSource();
        var slow = new FakeTool("slow", ToolPurity.ReadOnly, async (_, cancel) =>
        {
            started.SetResult();
            await Task.Delay(Timeout.Infinite, cancel);
            return default;
        });
        using var rig = new RunnerRig(tools: [slow]);
        var id = await rig.SubmitAsync("name: slow\nsteps:\n  s: {tool: {name: slow}}\n  t: {needs: s, tool: {name: slow}}");
        await started.Task;
        Assert.Equal(RunReplyCode.Done, (await rig.Service.CancelAsync(id, RunnerRig.Alice, CancellationToken.None)).Code);
        var view = await rig.EndAsync(id);
        Assert.Equal(RunStateName.Cancelled, view.State);
        Assert.All(view.Steps!, step => Assert.Equal(StepStateName.Cancelled, step.State));
    }

    [Fact]
    public async Task A_step_that_takes_too_long_fails_with_its_limit()
    {
        var slow = new FakeTool("slow", ToolPurity.ReadOnly, async (_, cancel) =>
        {
            await Task.Delay(Timeout.Infinite, cancel);
            return default;
        });
        using var rig = new RunnerRig(tools: [slow]);
        var view = await rig.RunAsync("name: slow\nsteps:\n  s: {timeout: 20ms, tool: {name: slow}}");
        Assert.Equal("step 's': it took longer than 20ms", view.Error);
    }

    [Fact]
    public async Task A_sub_run_has_its_own_inputs_and_yields_its_outputs()
    {
        using var rig = new RunnerRig();
        var result = await rig.Service.SubmitAsync(
            new RunSubmission
            {
                Workflow = "name: outer\nsteps:\n  sub:\n    run: {workflow: inner.yaml, inputs: {n: 5}}\noutputs: {square: \"${steps.sub.output.square}\"}"u8.ToArray(),
                Files = new Dictionary<string, ReadOnlyMemory<byte>>
                {
                    ["inner.yaml"] =
                        """
                        name: inner
                        inputs: {n: integer}
                        steps:
                          s: {tool: {name: calc, arguments: {expression: "${inputs.n}^2"}}}
                        outputs: {square: "${steps.s.output.result}"}
                        """u8.ToArray(),
                },
            },
            RunnerRig.Alice,
            CancellationToken.None);
        Assert.True(result.Accepted, result.Message);
        var view = await rig.EndAsync(result.RunId);
        Assert.Equal(25, view.Outputs!.Value.GetProperty("square").GetInt32());
        Assert.Equal("sub/s", Assert.Single(view.Steps![0].Children).Path);
    }

    [Fact]
    public async Task A_run_belongs_to_its_user()
    {
        using var rig = new RunnerRig();
        var id = (await rig.RunAsync("name: mine\nsteps:\n  a: {prompt: {user: hello}}")).Id;
        Assert.Null(await rig.Service.GetAsync(id, RunnerRig.Bob, CancellationToken.None));
        Assert.Null(await rig.Service.WatchAsync(id, 0, RunnerRig.Bob, CancellationToken.None));
        Assert.Equal(RunReplyCode.NotFound, (await rig.Service.CancelAsync(id, RunnerRig.Bob, CancellationToken.None)).Code);
        Assert.Empty((await rig.Service.ListAsync(new RunFilter(), RunnerRig.Bob, CancellationToken.None)).Runs);
        Assert.Single((await rig.Service.ListAsync(new RunFilter(), RunnerRig.Alice, CancellationToken.None)).Runs);
    }

    [Fact]
    public async Task A_run_that_left_memory_is_read_back_alike()
    {
        using var rig = new RunnerRig(options: new RunnerOptions { FinishedKept = 0 });
        var id = await rig.SubmitAsync("name: gone\nsteps:\n  a: {prompt: {user: hello}, artifact: a.txt}\noutputs: {a: \"${steps.a.output}\"}");
        var view = await rig.UntilAsync(id, run => run.IsFinished);
        Assert.Equal("an answer", view.Outputs!.Value.GetProperty("a").GetString());
        Assert.Equal("a.txt", Assert.Single(view.Artifacts!).Name);
        Assert.Equal(RunStateName.Succeeded, Assert.Single((await rig.Service.ListAsync(new RunFilter(), RunnerRig.Alice, CancellationToken.None)).Runs).State);
    }

    [Fact]
    public async Task A_watcher_resumes_after_the_sequence_it_saw_last()
    {
        using var rig = new RunnerRig();
        var id = (await rig.RunAsync("name: watched\nsteps:\n  a: {prompt: {user: hello}}\n  b: {needs: a, prompt: {user: hello}}")).Id;
        var all = await ToListAsync(rig, id, 0);
        Assert.Equal(["run.submitted", "step.finished", "step.finished", "run.finished"], all.Where(item => !item.Live).Select(item => item.Type));
        var rest = await ToListAsync(rig, id, all[1].Sequence);
        Assert.Equal(all.Skip(2).Select(item => item.Sequence), rest.Select(item => item.Sequence));
    }

    [Fact]
    public async Task Large_outputs_and_inputs_go_through_the_artifact_store()
    {
        var text = new string('x', 100_000);
        using var rig = new RunnerRig(_ => new FakeAnswer(text), options: new RunnerOptions { FinishedKept = 0 });
        var id = await rig.SubmitAsync(
            "name: large\ninputs: {log: file}\nsteps:\n  a: {prompt: {user: \"${inputs.log}\"}}\noutputs: {a: \"${steps.a.output}\"}",
            ("log", Encoding.UTF8.GetBytes(text)));
        var view = await rig.UntilAsync(id, run => run.IsFinished);
        Assert.Equal(text, view.Outputs!.Value.GetProperty("a").GetString());
        Assert.Equal(text, rig.Model.Asked.Single());
        Assert.All(rig.Journal.Records, record => Assert.InRange(record.Payload.Length, 1, 64 * 1024));
    }

    [Fact]
    public async Task An_agent_that_calls_a_tool_with_too_much_text_fails_in_words()
    {
        using var rig = new RunnerRig(_ => new FakeAnswer($$"""{"expression":"{{new string('1', 30_000)}}"}""", Tool: "calc"));
        var view = await rig.RunAsync("name: loud\nsteps:\n  a: {agent: {task: go, tools: [calc]}}");
        Assert.Contains("30,021 bytes of text and arguments", view.Error!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_without_room_fails_the_step_and_names_the_reason()
    {
        using var rig = new RunnerRig(_ => new FakeAnswer(new string('x', 100_000)), blobs: new MemoryBlobs { BytesMax = 50_000 });
        var view = await rig.RunAsync("name: full\nsteps:\n  a: {prompt: {user: hello}}\n  b: {prompt: {user: hello}, artifact: b.txt}");
        Assert.Equal(RunStateName.Failed, view.State);
        Assert.All(view.Steps!, step => Assert.Contains("the store is full", step.Detail!, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_long_error_is_cut_to_what_a_record_holds()
    {
        var tool = new FakeTool("wordy", ToolPurity.ReadOnly, (_, _) => ValueTask.FromResult(ToolResult.Failed(new string('e', 200_000))));
        using var rig = new RunnerRig(tools: [tool], options: new RunnerOptions { FinishedKept = 0 });
        var id = await rig.SubmitAsync("name: wordy\nsteps:\n  a: {tool: {name: wordy}}");
        Assert.InRange((await rig.UntilAsync(id, run => run.IsFinished)).Error!.Length, 1_000, 5_000);
    }

    [Fact]
    public void A_note_of_a_run_keeps_its_lines_in_the_runs_own_folder()
    {
        var folder = Directory.CreateTempSubdirectory("jesus-notes").FullName;
        try
        {
            var notes = new RunNotes(new Jesus.Appliance.Storage.PosixDisk(), Path.Combine(folder, "runs"));
            Assert.Equal(4, notes.Append("r1", "n", "one"));
            Assert.Equal(8, notes.Append("r1", "n", "two"));
            Assert.Equal("one\ntwo\n", File.ReadAllText(Path.Combine(folder, "runs/r1/n.txt")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_budget_that_refuses_fails_the_run_without_another_attempt()
    {
        using var rig = new RunnerRig(_ => new FakeAnswer("the run's cap is spent", Cause: ErrorCause.Refused, Budget: "run"));
        var view = await rig.RunAsync("name: poor\nbudget: {usd: 0.5, tokens: 100}\nsteps:\n  a: {prompt: {user: hello}, retry: {attempts: 5, backoff: 1ms}}");
        Assert.True(view.RefusedByBudget);
        Assert.Single(rig.Model.Asked);
    }

    [Fact]
    public async Task A_thousand_runs_at_once_all_end()
    {
        using var rig = new RunnerRig(options: new RunnerOptions { RunsAtOnce = 10, FinishedKept = 2_000 });
        const string yaml = "name: many\nsteps:\n  a: {tool: {name: calc, arguments: {expression: \"1\"}}}\n  b: {needs: a, tool: {name: calc, arguments: {expression: \"2\"}}}";
        var ids = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(_ => rig.SubmitAsync(yaml)));
        foreach (var id in ids)
        {
            Assert.Equal(RunStateName.Succeeded, (await rig.EndAsync(id)).State);
        }
    }

    [Fact]
    public async Task Inputs_that_do_not_fit_are_refused_by_name()
    {
        using var rig = new RunnerRig();
        var result = await rig.TrySubmitAsync("name: strict\ninputs: {n: integer, log: file}\nsteps:\n  a: {prompt: {user: hello}}", ("n", "many"), ("lgo", "x"));
        Assert.Equal(SubmitRefusal.Invalid, result.Refusal);
        Assert.Equal(3, result.Errors.Count);
        Assert.Contains(result.Errors, error => error.Message.Contains("no input 'lgo'; did you mean 'log'?", StringComparison.Ordinal));
        Assert.Contains(result.Errors, error => error.Message.Contains("type integer, and 'many' is none", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Stopping_leaves_unfinished_runs_to_the_next_start()
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var hang = true;
        var slow = new FakeTool("slow", ToolPurity.ReadOnly, async (_, cancel) =>
        {
            started.TrySetResult();
            await Task.Delay(hang ? Timeout.Infinite : 0, cancel);
            return ToolResult.Of(JsonValues.True);
        });
        var blobs = new MemoryBlobs();
        using var rig = new RunnerRig(tools: [slow], blobs: blobs, options: new RunnerOptions { StopGrace = TimeSpan.FromMilliseconds(30) });
        var id = await rig.SubmitAsync("name: slow\nsteps:\n  s: {tool: {name: slow}}");
        await started.Task;
        await rig.Service.StopAsync();
        Assert.Equal(SubmitRefusal.Stopping, (await rig.TrySubmitAsync("name: late\nsteps:\n  s: {prompt: {user: hello}}")).Refusal);

        hang = false;
        using var next = new RunnerRig(tools: [slow], journal: new MemoryJournal(rig.Journal.Records), blobs: blobs);
        Assert.Equal(1, await next.Service.RecoverAsync(CancellationToken.None));
        Assert.Equal(RunStateName.Succeeded, (await next.EndAsync(id)).State);
    }

    private static async Task<List<RunEventView>> ToListAsync(RunnerRig rig, string id, long after)
    {
        var all = new List<RunEventView>();
        await foreach (var item in (await rig.Service.WatchAsync(id, after, RunnerRig.Alice, CancellationToken.None))!)
        {
            all.Add(item);
        }

        return all;
    }
}
