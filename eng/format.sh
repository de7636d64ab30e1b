#!/usr/bin/env bash
# Rewrites the C# sources to the house format.
. "$(dirname "$0")/common.sh"
need_dotnet
dotnet format whitespace Jesus.sln -v q
dotnet format style Jesus.sln --severity warn -v q
