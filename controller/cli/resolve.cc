#include "controller/cli/resolve.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/backup_service.grpc.pb.h"
#include "dbfleet/api/v1/change_service.grpc.pb.h"
#include "dbfleet/api/v1/job_service.grpc.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::BackupService;
using api::v1::ChangeService;
using api::v1::JobService;

constexpr size_t kMinPrefix = 4;
constexpr size_t kMinPrefixToWrite = 14;  // Ten of time, four of chance.
constexpr size_t kUlidSize = 26;
constexpr int kPageSize = 500;
constexpr size_t kMaxSeen = 10'000;
constexpr size_t kMaxCandidates = 10;

const char* CollectionOf(IdKind kind) { return kind == IdKind::kBackup ? "backups" : "jobs"; }

const char* WordOf(IdKind kind) {
  switch (kind) {
    case IdKind::kChange:
      return "change";
    case IdKind::kBackup:
      return "backup";
    default:
      return "job";
  }
}

bool IsUlidCharacter(char c) {
  return absl::ascii_isalnum(c) && !absl::StrContains("ILOU", absl::string_view(&c, 1));
}

bool IsPrefix(const std::string& id) {
  return id.size() >= kMinPrefix && id.size() < kUlidSize &&
         std::all_of(id.begin(), id.end(), IsUlidCharacter);
}

// One page of names, newest first.
using FetchPage = std::function<absl::Status(const std::string& token,
                                             std::vector<std::string>* names, std::string* next)>;

template <typename Service, typename Request, typename Response, typename Item>
FetchPage Pages(ApiClient* client,
                grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&,
                                                      Response*),
                const google::protobuf::RepeatedPtrField<Item>& (Response::*items)() const) {
  return [=](const std::string& token, std::vector<std::string>* names,
             std::string* next) -> absl::Status {
    Request request;
    request.set_page_size(kPageSize);
    request.set_page_token(token);
    ASSIGN_OR_RETURN(const Response page,
                     (client->template Call<Service, Request, Response>(method, request)));
    for (const Item& item : (page.*items)()) names->push_back(item.name());
    *next = page.next_page_token();
    return absl::OkStatus();
  };
}

FetchPage PagesOf(IdKind kind, ApiClient* client) {
  switch (kind) {
    case IdKind::kChange:
      return Pages<ChangeService>(client, &ChangeService::Stub::ListChanges,
                                  &api::v1::ListJobsResponse::jobs);
    case IdKind::kBackup:
      return Pages<BackupService>(client, &BackupService::Stub::ListBackups,
                                  &api::v1::ListBackupsResponse::backups);
    default:
      return Pages<JobService>(client, &JobService::Stub::ListJobs,
                               &api::v1::ListJobsResponse::jobs);
  }
}

struct Found {
  std::vector<std::string> names;
  bool all_seen = true;  // No further match can exist.
};

// Ids sort by their time, so the listing is in falling order and the matches stand together: what
// comes after them need not be read.
absl::StatusOr<Found> Search(const FetchPage& fetch, const std::string& prefix) {
  Found found;
  size_t seen = 0;
  RETURN_IF_ERROR(ForEachPage([&](const std::string& token, std::string* next) -> absl::Status {
    std::vector<std::string> names;
    RETURN_IF_ERROR(fetch(token, &names, next));
    for (const std::string& name : names) {
      const std::string id = ShortName(name);
      ++seen;
      if (absl::StartsWith(id, prefix)) {
        found.names.push_back(name);
      } else if (id < prefix) {
        next->clear();
        return absl::OkStatus();
      }
    }
    if (next->empty()) return absl::OkStatus();
    const bool enough =
        found.names.empty() ? seen >= kMaxSeen : found.names.size() > kMaxCandidates;
    if (enough) {
      found.all_seen = false;
      next->clear();
    }
    return absl::OkStatus();
  }));
  return found;
}

absl::Status Ambiguous(IdKind kind, const std::string& prefix, const Found& found) {
  const size_t shown = std::min(found.names.size(), kMaxCandidates);
  const bool more = shown < found.names.size() || !found.all_seen;
  return Error(absl::StatusCode::kInvalidArgument, "AMBIGUOUS_ID",
               absl::StrCat("more than one ", WordOf(kind), " begins with ", prefix, ":\n  ",
                            absl::StrJoin(found.names.begin(), found.names.begin() + shown, "\n  ",
                                          [](std::string* out, const std::string& name) {
                                            out->append(ShortName(name));
                                          }),
                            more ? "\n  and more" : "", "\ngive more of the id"));
}

std::string PrefixOf(IdKind kind, const std::string& given) {
  return absl::AsciiStrToUpper(absl::StripPrefix(given, absl::StrCat(CollectionOf(kind), "/")));
}

// Shows on stderr, as a question, what the short beginning stands for.
absl::Status ConfirmJob(Shell& shell, IdKind kind, const std::string& prefix,
                        const std::string& name) {
  const World& world = shell.world();
  if (!world.in_is_terminal || !world.err_is_terminal) {
    return Error(absl::StatusCode::kInvalidArgument, "ID_TOO_SHORT",
                 absl::StrCat("without a terminal to ask on, this command wants the ", WordOf(kind),
                              "'s whole id or at least ", kMinPrefixToWrite, " characters of it; ",
                              prefix, " is now the beginning of ", ShortName(name)));
  }
  api::v1::GetJobRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(const api::v1::Job job,
                   client->Call<JobService>(&JobService::Stub::GetJob, request));
  shell.err() << prefix << " is " << job.name() << ": " << job.kind() << " in "
              << SanitizeForDisplay(job.environment()) << ", " << Word(job.state()) << ", by "
              << SanitizeForDisplay(job.requester()) << ", \"" << SanitizeForDisplay(job.title())
              << "\"\nIs this the one? Type \"yes\": " << std::flush;
  std::string answer;
  std::getline(*world.in, answer);
  if (absl::StripAsciiWhitespace(answer) == "yes") return absl::OkStatus();
  return Error(absl::StatusCode::kCancelled, "NOT_CONFIRMED", "nothing was done");
}

}  // namespace

absl::StatusOr<std::string> ResolveNameToWrite(Shell& shell, IdKind kind,
                                               const std::string& given) {
  ASSIGN_OR_RETURN(std::string name, ResolveName(shell, kind, given));
  const std::string prefix = PrefixOf(kind, given);
  if (IsPrefix(prefix) && prefix.size() < kMinPrefixToWrite) {
    RETURN_IF_ERROR(ConfirmJob(shell, kind, prefix, name));
  }
  return name;
}

absl::StatusOr<std::string> ResolveName(Shell& shell, IdKind kind, const std::string& given) {
  const std::string collection = CollectionOf(kind);
  const std::string prefix = PrefixOf(kind, given);
  if (!IsPrefix(prefix)) return FullName(collection, given);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(const Found found, Search(PagesOf(kind, client), prefix));
  if (found.names.empty()) {
    return Error(absl::StatusCode::kNotFound, "NO_SUCH_ID",
                 found.all_seen
                     ? absl::StrCat("no ", WordOf(kind), " begins with ", prefix)
                     : absl::StrCat("none of the newest ", kMaxSeen, " ", WordOf(kind),
                                    "s begins with ", prefix, "; an older one needs its whole id"));
  }
  if (found.names.size() > 1) return Ambiguous(kind, prefix, found);
  return found.names.front();
}

}  // namespace dbfleet::cli
