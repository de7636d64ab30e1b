using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints;

namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>The one grammar of a request's answer: its output constraint and its tools together.</summary>
public static class AnswerGrammar
{
    /// <param name="compiler">The compiler of the model's vocabulary.</param>
    /// <param name="request">Its constraint, tools, tool choice and last user turn.</param>
    /// <param name="compiled">Null when nothing constrains the answer; else dispose it when the answer is finished.</param>
    /// <param name="error">Names the schema, the JSON pointer and the keyword that cannot be enforced.</param>
    public static bool TryCompile(ConstraintCompiler compiler, ModelRequest request, out CompiledConstraint? compiled, out ModelError error)
    {
        compiled = null;
        error = default;
        if (request.Constraint.Kind == ConstraintKind.None && request.Tools.Count == 0)
        {
            return true;
        }

        return compiler.TryCompile(request.Constraint, default, out compiled, out error);
    }
}
