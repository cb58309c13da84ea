// What every method of the operator API has in common.
#include "controller/api/gate.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "google/protobuf/descriptor.h"

#include "common/base/status.h"
#include "controller/api/places.h"
#include "dbfleet/api/v1/backup_service.pb.h"
#include "dbfleet/api/v1/change_service.pb.h"
#include "dbfleet/api/v1/job_service.pb.h"
#include "dbfleet/api/v1/user_service.pb.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"
#include "tests/fakes/read_from.h"

namespace dbfleet::controller {
namespace {

// It goes into the audit trail, which keeps it for good.
TEST(GateTest, WhatPeopleSayIsBoundedInEveryRequest) {
  int bounded = 0;
  for (const google::protobuf::FileDescriptor* file :
       {api::v1::RunBackupRequest::descriptor()->file(),
        api::v1::SubmitChangeRequest::descriptor()->file(),
        api::v1::ReprioritizeJobRequest::descriptor()->file(),
        api::v1::DisableUserRequest::descriptor()->file()}) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      const google::protobuf::Descriptor* type = file->message_type(i);
      const google::protobuf::FieldDescriptor* reason = type->FindFieldByName("reason");
      if (!absl::EndsWith(type->name(), "Request") || reason == nullptr) continue;
      const std::unique_ptr<google::protobuf::Message> request(
          google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
      request->GetReflection()->SetString(request.get(), reason, std::string(4000, 'x'));
      EXPECT_TRUE(Gate::CheckSaid(*request).ok()) << type->name();
      request->GetReflection()->SetString(request.get(), reason, std::string(4001, 'x'));
      EXPECT_EQ(ReasonOf(Gate::CheckSaid(*request)), "TEXT_TOO_LONG") << type->name();
      ++bounded;
    }
  }
  EXPECT_GE(bounded, 10);
}

TEST(GateTest, TheMessageNamesTheFieldAndBothSizes) {
  api::v1::SubmitChangeRequest request;
  request.set_title(std::string(5000, 'x'));
  EXPECT_EQ(Gate::CheckSaid(request).message(),
            "`title` has 5000 bytes; shorten it to at most 4000");
  EXPECT_TRUE(Gate::CheckSaid(api::v1::ListJobsRequest()).ok());
}

// Whoever may look at the trail of an environment sees who was refused something there.
TEST(GateTest, ARefusalIsOfTheEnvironmentInWhichAllThatWasNamedLies) {
  FakeClock clock;
  MemoryStore store(&clock);
  ASSERT_TRUE(store
                  .MutateAndWait([](WriteTx& tx) -> absl::Status {
                    for (const char* name : {"qa", "production"}) {
                      Environment environment;
                      environment.name = name;
                      RETURN_IF_ERROR(tx.InsertEnvironment(&environment));
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  const auto of = [&](const std::vector<Place>& places) {
    return ReadFrom(store, [&](ReadTx& tx) { return EnvironmentOfAll(tx, places); });
  };
  const Place job{"jobs/J", "production"}, other{"instances/i", "qa"}, none{"jobs/X", {}};
  EXPECT_EQ(of({job}), "production");
  EXPECT_EQ(of({job, {"instances/p", "production"}}), "production");
  EXPECT_EQ(of({job, other}), "") << "several";
  EXPECT_EQ(of({job, none}), "") << "it is not known";
  EXPECT_EQ(of({}), "");
  EXPECT_EQ(of({{"environments/moon", "moon"}}), "") << "what is not there has no trail";
}

}  // namespace
}  // namespace dbfleet::controller
