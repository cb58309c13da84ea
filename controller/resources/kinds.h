#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"

#include "common/config/problems.h"
#include "dbfleet/resource/v1/resource.pb.h"

namespace dbfleet::controller {

// What can be declared: one table, which parsing, storing and listing go by.
struct ResourceKind {
  absl::string_view kind;        // "MaintenanceWindow".
  absl::string_view collection;  // "maintenancewindows".
  const google::protobuf::Message* prototype;
  // Puts the defaults in place of what was left out.
  void (*fill)(google::protobuf::Message*);
  // What is wrong beyond its syntax.
  void (*check)(const google::protobuf::Message&, config::Problems*);
};

absl::Span<const ResourceKind> ResourceKinds();

// By kind or collection, in any case; null if there is none.
const ResourceKind* FindResourceKind(absl::string_view word);

// "MaintenanceWindow, Environment": for messages.
std::string KnownKinds();

const resource::v1::Metadata& MetadataOf(const google::protobuf::Message& message);

inline constexpr absl::string_view kApiVersion = "dbfleet/v1";
inline constexpr absl::string_view kEnvironmentKind = "Environment";
inline constexpr absl::string_view kApprovalPolicyKind = "ApprovalPolicy";
inline constexpr absl::string_view kBreakGlassKind = "BreakGlassPolicy";
inline constexpr absl::string_view kWindowKind = "MaintenanceWindow";
inline constexpr absl::string_view kScheduleKind = "Schedule";

// Of a diff or a manifest in an audit record.
inline constexpr size_t kMostAuditedYaml = 8000;

}  // namespace dbfleet::controller
