#pragma once

#include <string>

#include "absl/time/time.h"

#include "common/proto_time/proto_time.h"
#include "controller/dispatch/session.h"
#include "controller/domain/types.h"
#include "dbfleet/agent/v1/link_service.pb.h"

// Between the agent protocol's messages and the controller's values.
namespace dbfleet::controller {

// Beside the overload below, which would hide them.
using dbfleet::FromProto;
using dbfleet::ToProto;

std::string EngineName(work::v1::Engine engine);  // "mysql"; "" when unspecified.
std::string RoleName(work::v1::InstanceRole role);
AttemptState StateOf(agent::v1::Outcome outcome);
StepReport FromProto(const work::v1::StepReport& report);

agent::v1::ControllerMsg WithdrawMessage(const std::string& attempt_id);
agent::v1::ControllerMsg CancelMessage(const std::string& attempt_id, const std::string& reason);
agent::v1::ControllerMsg ForgetMessage(const std::string& attempt_id);
// How long work that policies and windows have a say in waits, granted, for an agent that is busy.
// Long enough for a way there and a look around; a rule that stops it then comes in time.
constexpr absl::Duration kBeginWithin = absl::Seconds(5);

// `epoch` is the present controller's, which may be a later one than the offer's.
agent::v1::ControllerMsg GrantMessage(const Attempt& attempt, uint64_t epoch, absl::Duration lease);

}  // namespace dbfleet::controller
