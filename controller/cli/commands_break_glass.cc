#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/job_view.h"
#include "controller/cli/resolve.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/break_glass_service.grpc.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::BreakGlassService;
using resource::v1::BrokenGlass;

struct Options {
  std::string name;
  std::vector<std::string> waives;
  absl::Duration duration;
  std::string reason;
  std::string digest;
  bool end = false;
};

Listing GlassListing(const std::vector<const BrokenGlass*>& broken) {
  Listing listing;
  listing.columns = {IdentityColumn("JOB"), {"ENVIRONMENT"}, {"BROKEN BY"}, {"WAIVES"}, {"UNTIL"},
                     {"REVIEW BY"},         {"REASON"}};
  for (const BrokenGlass* glass : broken) {
    for (const auto& episode : glass->episodes()) {
      const bool open = episode.reviewer().empty();
      listing.items.push_back(
          {glass,
           glass->job(),
           {ShortName(glass->job()), glass->environment(), episode.principal(),
            absl::StrJoin(episode.waives(), ","),
            absl::StrCat(Show(episode.expire_time()), episode.ender().empty() ? "" : " (ended)",
                         episode.void_because().empty() ? "" : " (void)"),
            open ? Show(episode.review_due_time()) : absl::StrCat("done by ", episode.reviewer()),
            episode.reason()}});
    }
  }
  return listing;
}

std::string Describe(const BrokenGlass& glass) {
  std::string out = absl::StrCat(SanitizeForDisplay(glass.job()), " in ",
                                 SanitizeForDisplay(glass.environment()), "\n");
  for (const auto& episode : glass.episodes()) {
    const std::string ended = HowItEnded(episode);
    absl::StrAppend(
        &out, SanitizeForDisplay(episode.principal()), " waived ",
        SanitizeForDisplay(absl::StrJoin(episode.waives(), ", ")), " from ",
        Show(episode.create_time()), " until ", Show(episode.expire_time()), ": ",
        SanitizeForDisplay(episode.reason()), "\n  ", ended, ended.empty() ? "" : "\n  ",
        episode.reviewer().empty()
            ? absl::StrCat("to be reviewed by somebody else before ",
                           Show(episode.review_due_time()), ": dbfleet change review ",
                           SanitizeForDisplay(ShortName(glass.job())), " --reason REASON")
            : absl::StrCat("reviewed by ", SanitizeForDisplay(episode.reviewer()), " at ",
                           Show(episode.review_time()), ": ", SanitizeForDisplay(episode.review())),
        "\n");
  }
  return out;
}

int Finish(Shell& shell, const absl::StatusOr<BrokenGlass>& glass) {
  if (!glass.ok()) return shell.Fail(glass.status());
  shell.PrintOne(GlassListing({&*glass}), Describe(*glass));
  return kExitOk;
}

// What wants a change and a reason, and no more.
template <typename Request, typename Method>
absl::StatusOr<BrokenGlass> Decide(Shell& shell, const Options& options, Method method) {
  Request request;
  ASSIGN_OR_RETURN(*request.mutable_name(),
                   ResolveNameToWrite(shell, IdKind::kChange, options.name));
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<BreakGlassService>(method, request);
}

absl::StatusOr<BrokenGlass> Break(Shell& shell, const Options& options) {
  if (options.end) {
    return Decide<api::v1::EndBreakGlassRequest>(shell, options,
                                                 &BreakGlassService::Stub::EndBreakGlass);
  }
  api::v1::BreakGlassRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(),
                   ResolveNameToWrite(shell, IdKind::kChange, options.name));
  for (const std::string& rule : options.waives) request.add_waives(rule);
  *request.mutable_duration() = FromDuration(options.duration);
  request.set_reason(options.reason);
  request.set_digest(options.digest);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<BreakGlassService>(&BreakGlassService::Stub::BreakGlass, request);
}

absl::StatusOr<BrokenGlass> Review(Shell& shell, const Options& options) {
  return Decide<api::v1::ReviewBreakGlassRequest>(shell, options,
                                                  &BreakGlassService::Stub::ReviewBreakGlass);
}

int RunList(Shell& shell, bool all) {
  api::v1::ListBrokenGlassRequest request;
  request.set_all(all);
  const absl::StatusOr<ApiClient*> client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  const auto found = ListAll<BreakGlassService, BrokenGlass>(
      *client, &BreakGlassService::Stub::ListBrokenGlass, request,
      &api::v1::ListBrokenGlassResponse::broken, 0);
  if (!found.ok()) return shell.Fail(found.status());
  std::vector<const BrokenGlass*> pointers;
  for (const BrokenGlass& glass : *found) pointers.push_back(&glass);
  shell.PrintList(GlassListing(pointers));
  return kExitOk;
}

}  // namespace

void AddBreakGlassCommands(CLI::App& change, Shell& shell) {
  auto broken = std::make_shared<Options>();
  CLI::App* glass =
      AddVerb(change, "break-glass", "Waive rules for a change in an emergency", shell,
              [&shell, broken] { return Finish(shell, Break(shell, *broken)); });
  glass->add_option("NAME", broken->name, "The change")->required();
  CLI::Option* end = glass->add_flag("--end", broken->end,
                                     "Take away what is waived for the change, before its time");
  CLI::Option* waive =
      glass
          ->add_option("--waive", broken->waives,
                       "approvals, window, freeze or window-queue; several by several options")
          ->excludes(end)
          ->type_name("RULE");
  CLI::Option* duration =
      AddDuration(glass, "--for", &broken->duration, "For how long, from now on")->excludes(end);
  glass->add_option("--digest", broken->digest, "Only if the plan still has this digest")
      ->excludes(end);
  glass->parse_complete_callback([end, waive, duration] {
    if (*end) return;
    for (const CLI::Option* needed : {waive, duration}) {
      if (needed->empty()) throw CLI::RequiredError(needed->get_name());
    }
  });
  AddReason(glass, &broken->reason, true);

  auto reviewed = std::make_shared<Options>();
  CLI::App* review =
      AddVerb(change, "review", "Review what somebody else waived for a change", shell,
              [&shell, reviewed] { return Finish(shell, Review(shell, *reviewed)); });
  review->add_option("NAME", reviewed->name, "The change")->required();
  AddReason(review, &reviewed->reason, true);

  auto all = std::make_shared<bool>(false);
  CLI::App* list = AddVerb(change, "reviews", "What was waived and has to be reviewed", shell,
                           [&shell, all] { return RunList(shell, *all); });
  list->add_flag("--all", *all, "Also what was reviewed");
}

}  // namespace dbfleet::cli
