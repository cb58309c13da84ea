#include "common/rpc/status.h"

#include <string>

#include "gtest/gtest.h"

#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::rpc {
namespace {

TEST(StatusTest, OkStaysOk) {
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpc(grpc::Status::OK).ok());
}

TEST(StatusTest, EveryCodeWithItsReasonAndMessageSurvivesTheWire) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status sent =
        Error(static_cast<absl::StatusCode>(code), "SOME_REASON", "what, where, what to do");
    const grpc::Status wire = ToGrpc(sent);
    EXPECT_EQ(wire.error_code(), code);
    const absl::Status received = FromGrpc(wire);
    EXPECT_EQ(received.code(), sent.code());
    EXPECT_EQ(received.message(), sent.message());
    EXPECT_EQ(ReasonOf(received), "SOME_REASON");
  }
}

TEST(StatusTest, NoReasonIsInventedExceptForAnUnreachableController) {
  EXPECT_EQ(ReasonOf(FromGrpc(ToGrpc(absl::InternalError("x")))), "");
  EXPECT_EQ(ReasonOf(FromGrpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, "connect failed"))),
            "CONTROLLER_UNREACHABLE");
  EXPECT_EQ(ReasonOf(FromGrpc(ToGrpc(Error(absl::StatusCode::kUnavailable, "SHUTTING_DOWN", "x")))),
            "SHUTTING_DOWN");
}

TEST(StatusTest, GarbageInDetailsAndCodesIsHarmless) {
  const absl::Status garbage =
      FromGrpc(grpc::Status(grpc::StatusCode::NOT_FOUND, "m", "\xff\xff not a protobuf"));
  EXPECT_TRUE(absl::IsNotFound(garbage));
  EXPECT_EQ(ReasonOf(garbage), "");
  EXPECT_EQ(FromGrpc(grpc::Status(static_cast<grpc::StatusCode>(30), "m")).code(),
            absl::StatusCode::kUnknown);
}

TEST(StatusTest, AMessageThatIsCutOrNoTextKeepsItsReason) {
  std::string long_text = "x";
  while (long_text.size() < 5000) long_text += "\xC3\xA9";
  for (const std::string& text :
       {long_text, "x" + long_text, std::string("agent \"\xC3\" is bad")}) {
    const absl::Status received =
        FromGrpc(ToGrpc(Error(absl::StatusCode::kNotFound, "SOME_REASON", text)));
    EXPECT_EQ(ReasonOf(received), "SOME_REASON");
    EXPECT_TRUE(IsValidUtf8(received.message())) << received.message();
  }
}

TEST(StatusTest, LongMessagesAreCutSoThatTheyFitIntoHeaders) {
  const grpc::Status wire = ToGrpc(absl::InternalError(std::string(100'000, 'x')));
  EXPECT_LT(wire.error_message().size(), 4096u);
}

}  // namespace
}  // namespace dbfleet::rpc
