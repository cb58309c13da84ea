// Whatever text comes as a configuration: it is refused with a place and a reason and changes
// nothing, or it is read, and what was completed and found good is so a second time.
#include <cstdint>
#include <string>

#include "google/protobuf/util/message_differencer.h"

#include "agent/config/agent_config.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/problems.h"
#include "common/config/yaml.h"
#include "controller/app/controller_config.h"
#include "dbfleet/work/v1/work.pb.h"
#include "tests/fuzz/require.h"

namespace {

using dbfleet::Require;
using google::protobuf::util::MessageDifferencer;

void CheckError(const absl::Status& status, absl::string_view reason) {
  Require(status.code() == absl::StatusCode::kInvalidArgument);
  Require(dbfleet::ReasonOf(status) == reason);
  Require(dbfleet::IsValidUtf8(status.message()));
}

template <typename Message>
bool Read(const std::string& text, Message* message) {
  const Message before = *message;
  const absl::Status status = dbfleet::config::ParseYaml("fuzz.yaml", text, message);
  if (!status.ok()) {
    CheckError(status, "BAD_YAML");
    Require(MessageDifferencer::Equals(before, *message));
    return false;
  }
  Message again;
  Require(again.ParseFromString(message->SerializeAsString()));  // Also: its text is UTF-8.
  return true;
}

template <typename Message>
void ReadAndComplete(const std::string& text, absl::Status (*complete)(Message*)) {
  Message message;
  if (!Read(text, &message)) return;
  const absl::Status status = complete(&message);
  if (!status.ok()) {
    CheckError(status, "BAD_CONFIG");
    return;
  }
  const Message completed = message;
  Require(complete(&message).ok());
  Require(MessageDifferencer::Equals(completed, message));
}

template <typename Message>
void ReadOnly(const std::string& text) {
  Message message;
  Read(text, &message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dbfleet;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      ReadAndComplete<config::v1::AgentConfig>(text, agent::CompleteAndValidate);
      break;
    case 1:
      ReadAndComplete<config::v1::ControllerConfig>(text, controller::CompleteAndValidate);
      break;
    case 2: {
      config::v1::LocalPolicy policy;
      if (Read(text, &policy)) (void)agent::LocalPolicy::Make(policy, {"orders", "cache"});
      break;
    }
    case 3:
      // Every type of field that the reader knows.
      ReadOnly<work::v1::JobSpec>(text);
      ReadOnly<work::v1::TaskResult>(text);
      break;
    default: {
      // The place of a problem is looked up in text that need not be good YAML at all.
      const size_t line = text.find('\n');
      config::Problems problems("fuzz.yaml", line == std::string::npos ? text : text.substr(line));
      problems.Add(text.substr(0, line), "is bad");
      Require(!problems.ToStatus().ok());
    }
  }
  return 0;
}
