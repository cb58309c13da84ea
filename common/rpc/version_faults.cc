#include "common/rpc/version_faults.h"

#ifndef DBFLEET_NO_FAILPOINTS

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/unknown_field_set.h"

#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::rpc {
namespace {

using agent::v1::AgentMsg;
using agent::v1::ControllerMsg;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Far above what this version uses, and below what Protobuf keeps for itself.
constexpr int kUnknownFields = 1900;
constexpr int kUnknownEngine = 99;

// What the agents' protocol got since the version before this one. With a release that changes the
// protocol, its additions replace these.
struct Addition {
  const char* message;
  int field;
};
constexpr Addition kAdditions[] = {
    {"dbfleet.agent.v1.Hello", agent::v1::Hello::kWitnessedCheckpointFieldNumber},
    {"dbfleet.agent.v1.Hello", agent::v1::Hello::kFeaturesFieldNumber},
    {"dbfleet.agent.v1.Welcome", agent::v1::Welcome::kFeaturesFieldNumber},
    {"dbfleet.agent.v1.AttemptState", agent::v1::AttemptState::kTaskIdFieldNumber},
    {"dbfleet.agent.v1.AttemptState", agent::v1::AttemptState::kJobIdFieldNumber},
    {"dbfleet.agent.v1.AttemptState", agent::v1::AttemptState::kTargetFieldNumber},
    {"dbfleet.agent.v1.AttemptState", agent::v1::AttemptState::kActionFieldNumber},
    {"dbfleet.agent.v1.AttemptState", agent::v1::AttemptState::kDigestFieldNumber},
    {"dbfleet.agent.v1.Finished", agent::v1::Finished::kSeenFenceFieldNumber},
};

// Calls `visit` for the message and all of ours in it.
template <typename Visit>
void Walk(Message* message, const Visit& visit) {
  if (absl::StartsWith(message->GetDescriptor()->full_name(), "google.")) return;
  const Reflection* reflection = message->GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(*message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_map()) continue;
    if (!field->is_repeated()) {
      Walk(reflection->MutableMessage(message, field), visit);
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
      Walk(reflection->MutableRepeatedMessage(message, field, i), visit);
    }
  }
  visit(message);
}

void AddUnknownFields(Message* message) {
  auto* unknown = message->GetReflection()->MutableUnknownFields(message);
  unknown->AddVarint(kUnknownFields, 1);
  unknown->AddFixed32(kUnknownFields + 1, 2);
  unknown->AddFixed64(kUnknownFields + 2, 3);
  // Neither text nor a message.
  unknown->AddLengthDelimited(kUnknownFields + 3, std::string("\xFF\x00new", 5));
  unknown->AddLengthDelimited(kUnknownFields + 3, "again");
}

void RemoveAdditions(Message* message) {
  for (const Addition& addition : kAdditions) {
    if (message->GetDescriptor()->full_name() != addition.message) continue;
    message->GetReflection()->ClearField(
        message, message->GetDescriptor()->FindFieldByNumber(addition.field));
  }
}

}  // namespace

void MakeNewer(Message* message) {
  if (auto* to_controller = dynamic_cast<AgentMsg*>(message);
      to_controller != nullptr && to_controller->has_hello()) {
    agent::v1::Hello& hello = *to_controller->mutable_hello();
    hello.set_version(absl::StrCat("99.", hello.version()));
    hello.add_capabilities("levitate.mysql");
    agent::v1::InstanceInfo& instance = *hello.add_instances();
    instance.set_name(absl::StrCat("future-", hello.agent_id()));
    instance.set_engine(static_cast<work::v1::Engine>(kUnknownEngine));
  }
  Walk(message, AddUnknownFields);
}

bool MakeOlder(Message* message) {
  if (auto* to_controller = dynamic_cast<AgentMsg*>(message)) {
    if (to_controller->has_hello()) {
      to_controller->mutable_hello()->set_version("0.0.1");
      // One that does not look for backups is given no change that rests on one.
      const std::vector<std::string> had = {to_controller->hello().capabilities().begin(),
                                            to_controller->hello().capabilities().end()};
      to_controller->mutable_hello()->clear_capabilities();
      if (std::find(had.begin(), had.end(), "gate-backup") != had.end()) {
        to_controller->mutable_hello()->add_capabilities("gate-backup");
      }
    } else if (to_controller->has_checkpoint_answer()) {
      to_controller->mutable_unimplemented()->set_what(
          absl::StrCat("ControllerMsg.", ControllerMsg::kCheckpointPushFieldNumber));
    }
  } else if (auto* to_agent = dynamic_cast<ControllerMsg*>(message);
             to_agent != nullptr && to_agent->has_checkpoint_push()) {
    return false;
  }
  Walk(message, RemoveAdditions);
  return true;
}

}  // namespace dbfleet::rpc

#endif
