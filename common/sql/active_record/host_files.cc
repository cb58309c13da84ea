#include "common/sql/active_record/host_files.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

std::string ConstantOf(const HostProgram& program, HostRange range) {
  const HostText text = ReadHostText(program, range, {});
  return text.known && !text.concatenates ? text.value : "";
}

// "r", "rb", "r:utf-8", File::RDONLY.
bool IsReadMode(const HostProgram& program, HostRange mode) {
  const std::string text = ConstantOf(program, mode);
  if (!text.empty()) return text[0] == 'r' && !absl::StrContains(text, "+");
  return program[mode.end - 1].IsName("RDONLY") && program[mode.begin].IsName("File") &&
         mode.end == mode.begin + 3;
}

// *args, **options, ...$args: what they hold may be a mode.
bool IsSpread(const HostProgram& program, HostRange argument) {
  const HostToken& first = program[argument.begin];
  return first.Is("*") || first.Is("...") || (first.Is(".") && program[argument.begin + 1].Is("."));
}

// What stands behind a name: only the mode may make it a file to write to.
bool IsReadOption(const HostProgram& program, HostRange argument) {
  static constexpr absl::string_view kNames[] = {"binmode", "encoding", "external_encoding",
                                                 "internal_encoding", "textmode"};
  const HostToken& name = program[argument.begin];
  if (IsOneOf(name.text, kNames)) return true;
  return name.text == "mode" && argument.end > argument.begin + 1 &&
         IsReadMode(program, {argument.begin + 1, argument.end});
}

// `mode`: which argument is the mode.
bool OpensToRead(const HostProgram& program, const HostCall& call, size_t mode = 1) {
  static constexpr absl::string_view kOwnStreams[] = {"php://memory", "php://output",
                                                      "php://stderr", "php://stdout"};
  const bool spread = std::any_of(call.arguments.begin(), call.arguments.end(),
                                  [&](HostRange argument) { return IsSpread(program, argument); });
  if (spread) return false;
  if (call.arguments.size() <= mode) return !program.php();
  if (program.php()) {
    const std::string path = ConstantOf(program, call.arguments[0]);
    // What the program itself shows, or keeps in its memory.
    if (IsOneOf(path, kOwnStreams) || absl::StartsWith(path, "php://temp")) return true;
    return IsReadMode(program, call.arguments[1]);
  }
  for (size_t i = mode; i < call.arguments.size(); ++i) {
    const HostRange argument = call.arguments[i];
    const bool named = program[argument.begin].kind == HostTokenKind::kLabel;
    if (named ? !IsReadOption(program, argument) : !IsReadMode(program, argument)) return false;
  }
  return true;
}

// Rails.root.join("x").to_s
bool IsPathOfRoot(const HostProgram& program, HostRange path) {
  static constexpr absl::string_view kNames[] = {"join", "root", "to_path", "to_s"};
  const std::optional<HostChain> chain = program.ChainAt(path.begin, path.end);
  return chain.has_value() && chain->range.end == path.end && chain->calls[0].name == "root" &&
         std::all_of(chain->calls.begin(), chain->calls.end(), [&](const HostCall& call) {
           return call.op == HostOperator::kNone && IsOneOf(call.name, kNames);
         });
}

// Ruby's open and IO.read run a command whose name begins with "|"; File's do not.
bool MayRunCommand(const HostProgram& program, const HostCall& call) {
  if (call.arguments.empty()) return true;
  const HostRange path = call.arguments[0];
  if (IsSpread(program, path)) return true;
  const HostToken& first = program[path.begin];
  if (first.kind == HostTokenKind::kString && !first.parts.empty()) {
    const StringPart& part = first.parts[0];
    return part.is_code || part.text.empty() || part.text[0] == '|';
  }
  // Rails.root.join("x"), File.expand_path("x"), __FILE__: a path of the program's own.
  const bool root = first.IsName("Rails") && IsPathOfRoot(program, path);
  const bool expands = first.IsName("File") && program[path.begin + 2].IsName("expand_path");
  return !root && !expands && !first.IsName("__FILE__") && !first.IsName("__dir__");
}

bool IsFileClass(absl::string_view receiver) {
  return absl::StartsWith(receiver, "File") || absl::StartsWith(receiver, "Pathname");
}

}  // namespace

std::string DoubtOfOpening(const HostProgram& program, const HostChain& chain) {
  static constexpr absl::string_view kReaders[] = {"binread", "foreach", "open", "read",
                                                   "readlines"};
  static constexpr absl::string_view kPipes[] = {"IO", "Kernel", "URI"};
  const HostCall& call = chain.calls[0];
  const bool bare = chain.receiver_kind == Receiver::kNone;
  const bool opens = call.name == "open" || call.name == "new";
  if (program.php()) {
    if (!bare || !absl::EqualsIgnoreCase(call.name, "fopen")) return "";
    return OpensToRead(program, call) ? "" : "fopen opens a file to write to it";
  }
  if (chain.receiver == "Rails" && call.name == "root") {
    const bool reads = std::all_of(
        chain.calls.begin(), chain.calls.end(),
        [&](const HostCall& next) { return next.name != "open" || OpensToRead(program, next, 0); });
    return reads ? "" : "open opens a file to write to it";
  }
  const std::string name =
      bare ? std::string(call.name) : absl::StrCat(Truncate(chain.receiver, 60), ".", call.name);
  const bool pipes =
      bare ? call.name == "open" : IsOneOf(chain.receiver, kPipes) && IsOneOf(call.name, kReaders);
  if (!pipes && !(opens && !bare && IsFileClass(chain.receiver))) return "";
  if (opens && !OpensToRead(program, call)) {
    return absl::StrCat(name, " opens a file to write to it");
  }
  if (pipes && MayRunCommand(program, call)) {
    return absl::StrCat(name, " runs a command if what it opens begins with \"|\"");
  }
  return "";
}

}  // namespace dbfleet::sql
