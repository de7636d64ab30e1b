# Sourced by every script: the repository's root, quiet tools, and messages that say what is happening.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false
# Build servers outlive the build and keep memory; these machines are small.
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0
OUT=$ROOT/out
mkdir -p "$OUT"

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# need COMMAND PACKAGE...: installs Debian packages when the command is missing.
need() {
  local command=$1; shift
  command -v "$command" >/dev/null 2>&1 || install_packages "$@"
}

# need_file PATH PACKAGE...: the same for a header or a library.
need_file() {
  local path=$1; shift
  [ -e "$path" ] || install_packages "$@"
}

install_packages() {
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || die "missing packages: $*. Install them (apt-get install $*) or run as root."
    sudo=(sudo)
  fi
  command -v apt-get >/dev/null 2>&1 || die "missing packages: $*. This script installs them with apt-get only; install them and run it again."
  say "installing $*"
  if [ -z "${JESUS_APT_UPDATED:-}" ]; then
    "${sudo[@]}" apt-get update -qq >/dev/null || die "apt-get update failed; check the package sources"
    export JESUS_APT_UPDATED=1
  fi
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
    die "could not install: $*"
}

# Debian's nats-server as a program: the tests and benches start it themselves, so the service that comes with it is not left running.
install_nats_server() {
  install_packages nats-server
  if [ -d /run/systemd/system ]; then
    local sudo=(); [ "$(id -u)" -eq 0 ] || sudo=(sudo)
    "${sudo[@]}" systemctl disable --now --quiet nats-server.service || say "nats-server's service is left running: systemctl disable --now nats-server"
  fi
}

need_dotnet() {
  command -v dotnet >/dev/null 2>&1 || die "the .NET 10 SDK is missing: install it and put dotnet on the PATH"
  case $(dotnet --version) in 1[0-9].*) ;; *) die "the .NET SDK is $(dotnet --version); version 10 is needed" ;; esac
}

need_compiler() { need g++ g++; need cmake cmake; need make make; }

# Prints where the tool is that turns the request path's profile into what the compiler reads.
build_profile_tool() {
  dotnet build eng/Profile/Profile.csproj -c Release --nologo -v q >&2 || die "building eng/Profile failed"
  echo "$ROOT/eng/Profile/bin/Release/net10.0/Jesus.Profile.dll"
}

aot_framework() { sed -n 's:.*<AotFramework[^>]*>\(.*\)</AotFramework>.*:\1:p' Directory.Build.props | head -1; }
version() { sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' Directory.Build.props | head -1; }

# fingerprint PATH...: one hash over names and contents of the files there that git would keep.
fingerprint() {
  { git ls-files -z -co --exclude-standard -- "$@" 2>/dev/null || find "$@" -type f -print0; } |
    LC_ALL=C sort -zu | xargs -0 sha256sum 2>/dev/null | sha256sum | cut -d' ' -f1
}
