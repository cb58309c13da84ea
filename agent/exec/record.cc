#include "agent/exec/record.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::agent {
namespace {

using Json = nlohmann::json;

constexpr int kFormatVersion = 1;

absl::Status CheckText(const std::string& text) {
  if (IsValidUtf8(text) && text.find('\0') == std::string::npos) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "BAD_ARGUMENT",
               absl::StrCat("\"", SanitizeForDisplay(text),
                            "\" cannot be passed to a child process: it is not valid UTF-8"));
}

absl::Status CheckSpec(const PipelineSpec& spec) {
  if (spec.commands.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_PIPELINE", "a pipeline without commands");
  }
  for (const auto& path : {spec.stdout_path, spec.stdin_path, spec.working_folder}) {
    RETURN_IF_ERROR(CheckText(path));
  }
  for (const PipelineSpec::Command& command : spec.commands) {
    if (command.argv.empty() || command.argv[0].empty() || command.argv[0][0] != '/') {
      return Error(absl::StatusCode::kInvalidArgument, "BAD_PIPELINE",
                   "a command must begin with the absolute path of its program");
    }
    for (const std::string& argument : command.argv) RETURN_IF_ERROR(CheckText(argument));
    for (const auto& [name, value] : command.env) {
      RETURN_IF_ERROR(CheckText(name));
      RETURN_IF_ERROR(CheckText(value));
    }
  }
  return absl::OkStatus();
}

absl::Status Broken(absl::string_view what, absl::string_view why) {
  return Error(absl::StatusCode::kDataLoss, "BROKEN_RECORD",
               absl::StrCat("the ", what, " of a child process is not readable: ", why));
}

Json ProcessToJson(const ProcessStatus& process) {
  return Json{{"program", SanitizeForDisplay(process.program)},
              {"exit_code", process.exit_code},
              {"signal", process.signal},
              {"error", SanitizeForDisplay(process.error)},
              {"stderr_tail", SanitizeForDisplay(process.stderr_tail, /*keep_newlines=*/true)},
              {"end_order", process.end_order}};
}

ProcessStatus ProcessFromJson(const Json& json) {
  ProcessStatus process;
  process.program = json.at("program").get<std::string>();
  process.exit_code = json.at("exit_code").get<int>();
  process.signal = json.at("signal").get<int>();
  process.error = json.at("error").get<std::string>();
  process.stderr_tail = json.at("stderr_tail").get<std::string>();
  process.end_order = json.at("end_order").get<int>();
  return process;
}

}  // namespace

absl::StatusOr<std::string> SpecToJson(const StoredSpec& spec) {
  RETURN_IF_ERROR(CheckSpec(spec.pipeline));
  Json commands = Json::array();
  for (const PipelineSpec::Command& command : spec.pipeline.commands) {
    commands.push_back(Json{{"argv", command.argv}, {"env", command.env}});
  }
  return Json{{"version", kFormatVersion},
              {"id", spec.id},
              {"commands", std::move(commands)},
              {"stdin_path", spec.pipeline.stdin_path},
              {"stdout_path", spec.pipeline.stdout_path},
              {"working_folder", spec.pipeline.working_folder}}
      .dump(1);
}

absl::StatusOr<StoredSpec> SpecFromJson(absl::string_view text) {
  try {
    const Json json = Json::parse(text.begin(), text.end());
    if (json.at("version").get<int>() != kFormatVersion) {
      return Broken("specification", "another version wrote it");
    }
    StoredSpec spec;
    spec.id = json.at("id").get<std::string>();
    for (const Json& command : json.at("commands")) {
      spec.pipeline.commands.push_back(
          {command.at("argv").get<std::vector<std::string>>(),
           command.at("env").get<std::map<std::string, std::string>>()});
    }
    spec.pipeline.stdin_path = json.at("stdin_path").get<std::string>();
    spec.pipeline.stdout_path = json.at("stdout_path").get<std::string>();
    spec.pipeline.working_folder = json.at("working_folder").get<std::string>();
    RETURN_IF_ERROR(CheckSpec(spec.pipeline));
    return spec;
  } catch (const Json::exception& e) {
    return Broken("specification", e.what());
  }
}

std::string StatusToJson(const PipelineStatus& status) {
  Json processes = Json::array();
  for (const ProcessStatus& process : status.processes) processes.push_back(ProcessToJson(process));
  return Json{{"version", kFormatVersion},
              {"processes", std::move(processes)},
              {"stdout_bytes", status.stdout_bytes},
              {"stdout_sha256", status.stdout_sha256},
              {"stdout_error", SanitizeForDisplay(status.stdout_error)}}
      .dump(1);
}

absl::StatusOr<PipelineStatus> StatusFromJson(absl::string_view text) {
  try {
    const Json json = Json::parse(text.begin(), text.end());
    if (json.at("version").get<int>() != kFormatVersion) {
      return Broken("record", "another version wrote it");
    }
    PipelineStatus status;
    for (const Json& process : json.at("processes")) {
      status.processes.push_back(ProcessFromJson(process));
    }
    status.stdout_bytes = json.at("stdout_bytes").get<int64_t>();
    status.stdout_sha256 = json.at("stdout_sha256").get<std::string>();
    status.stdout_error = json.at("stdout_error").get<std::string>();
    if (status.processes.empty()) return Broken("record", "it names no process");
    return status;
  } catch (const Json::exception& e) {
    return Broken("record", e.what());
  }
}

}  // namespace dbfleet::agent
