#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/base/status.h"
#include "common/config/yaml_writer.h"
#include "controller/resources/break_glass.h"
#include "controller/resources/manifest.h"
#include "controller/resources/proposals.h"
#include "controller/store/store.h"

// What stands in the environments that authorisation_test.cc asks about.
namespace dbfleet::controller {

inline std::string Window(const std::string& name, const std::string& environment) {
  return absl::StrCat("apiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: ", name,
                      "}\nspec: {selector: {environments: [", environment,
                      "]}, recurring: {cron: \"0 2 * * *\", duration: 1h}}\n");
}

inline std::string Binding(const std::string& user, absl::string_view role,
                           const std::string& environment) {
  return absl::StrCat("apiVersion: dbfleet/v1\nkind: RoleBinding\nmetadata: {name: ", user, ".",
                      absl::StrReplaceAll(role, {{"_", "-"}}), "}\nspec: {subjects: [", user,
                      "], role: ", role, ", environments: [", environment, "]}\n---\n");
}

inline std::string ScheduleOf(const std::string& name, const std::string& environment) {
  return absl::StrCat("apiVersion: dbfleet/v1\nkind: Schedule\nmetadata: {name: ", name,
                      "}\nspec: {environment: ", environment,
                      ", cron: \"0 2 * * *\", job: {check: {}}}\n");
}

inline std::string RuleOf(const std::string& name, const std::string& environment) {
  return absl::StrCat("apiVersion: dbfleet/v1\nkind: EventRule\nmetadata: {name: ", name,
                      "}\nspec: {on: {triggers: [check-failed]}, selector: {environments: [",
                      environment, "]}, propose: {job: {check: {}}}}\n");
}

// What the rule of the environment proposed; the rule is not there yet.
inline absl::Status SeedJobProposal(WriteTx& tx, const std::string& name, absl::Time now) {
  JobProposal proposal;
  proposal.id = name + "-jobproposal";
  proposal.rule = "look-" + name;
  proposal.seq = 1;
  proposal.instance = name + "-db";
  proposal.environment = name;
  proposal.create_time = proposal.event_time = now;
  return tx.rules().Insert(&proposal);
}

// A proposal about the environment's window, and a job for which the glass was broken.
inline absl::Status SeedDecisions(WriteTx& tx, const std::string& name, const std::string& job,
                                  absl::Time now) {
  StoredProposal stored;
  resource::v1::Proposal& proposal = stored.proposal;
  proposal.set_name(absl::StrCat("proposals/", name, "-proposal"));
  proposal.set_state(resource::v1::Proposal::STATE_PENDING);
  proposal.set_requester("users/maker");
  proposal.set_digest("of-another");  // Nothing is approved.
  proposal.mutable_create_time()->set_seconds(absl::ToUnixSeconds(now));
  proposal.mutable_expire_time()->set_seconds(absl::ToUnixSeconds(now + absl::Hours(1)));
  proposal.add_environments(name);
  resource::v1::ProposedChange& change = *proposal.add_changes();
  change.set_name(absl::StrCat("maintenancewindows/later-", name));
  // As a proposal keeps it; otherwise it is stale, and no list shows it.
  ASSIGN_OR_RETURN(const auto manifests,
                   ParseManifests({{"seed.yaml", Window("later-" + name, name)}}));
  change.set_yaml(config::WriteYaml(*manifests[0].message));
  RETURN_IF_ERROR(StoreProposal(tx, "users/maker", now, &stored));
  resource::v1::BrokenGlass glass;
  glass.set_job("jobs/" + job);
  glass.set_environment(name);
  glass.add_episodes()->set_principal("users/requester");
  Resource row;
  row.id = "brokenglass/" + job;
  row.kind = std::string(kBrokenGlassKind);
  row.creator = row.editor = "users/requester";
  row.create_time = row.update_time = now;
  row.blob = glass.SerializeAsString();
  return tx.InsertResource(&row);
}

}  // namespace dbfleet::controller
