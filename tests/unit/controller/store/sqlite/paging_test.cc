#include <limits>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"

#include "controller/store/sqlite/rows.h"
#include "tests/unit/controller/store/sqlite/store_fixture.h"

namespace dbfleet::controller {
namespace {

class PagingTest : public StoreTest {
 protected:
  void SetUp() override { Open(); }

  void AddJobs(int from, int to) {
    ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                  for (int i = from; i < to; ++i) {
                    Job job = MakeJob(absl::StrCat("J", absl::Dec(i, absl::kZeroPad4)));
                    job.environment = i % 2 == 0 ? "qa" : "production";
                    job.kind = i % 3 == 0 ? JobKind::kBackup : JobKind::kCheck;
                    RETURN_IF_ERROR(tx.InsertJob(&job));
                    RETURN_IF_ERROR(tx.AppendAudit(Entry("jobs/" + job.id)));
                  }
                  return absl::OkStatus();
                }).ok());
  }
  Page<Job> Jobs(const JobFilter& filter, int size, const std::string& token) {
    return Read([&](ReadTx& tx) { return tx.ListJobs(filter, {size, token}); }).value();
  }
};

TEST_F(PagingTest, PagesTogetherHoldEveryJobOnceNewestFirst) {
  AddJobs(0, 25);
  std::vector<std::string> ids;
  std::string token;
  int pages = 0;
  do {
    const Page<Job> page = Jobs({}, 10, token);
    for (const Job& job : page.items) ids.push_back(job.id);
    token = page.next_token;
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(pages, 3);
  ASSERT_EQ(ids.size(), 25u);
  EXPECT_EQ(ids.front(), "J0024");
  EXPECT_TRUE(std::is_sorted(ids.rbegin(), ids.rend()));
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 25u);
}

TEST_F(PagingTest, APageThatIsExactlyFullHasNoNextOne) {
  AddJobs(0, 10);
  EXPECT_EQ(Jobs({}, 10, "").next_token, "");
  EXPECT_NE(Jobs({}, 9, "").next_token, "");
}

TEST_F(PagingTest, JobsThatComeInBetweenNeitherRepeatNorHideOthers) {
  AddJobs(0, 20);
  const Page<Job> first = Jobs({}, 10, "");
  AddJobs(20, 40);
  const Page<Job> second = Jobs({}, 10, first.next_token);
  ASSERT_EQ(second.items.size(), 10u);
  EXPECT_EQ(first.items.back().id, "J0010");
  EXPECT_EQ(second.items.front().id, "J0009");
  EXPECT_EQ(second.items.back().id, "J0000");
  EXPECT_EQ(second.next_token, "");
}

TEST_F(PagingTest, FiltersCombine) {
  AddJobs(0, 30);
  JobFilter filter;
  filter.environment = "production";
  filter.kind = JobKind::kBackup;
  filter.state = JobState::kPlanning;
  const Page<Job> page = Jobs(filter, 0, "");
  ASSERT_EQ(page.items.size(), 5u);
  for (const Job& job : page.items) {
    EXPECT_EQ(job.environment, "production");
    EXPECT_EQ(job.kind, JobKind::kBackup);
  }
  filter.state = JobState::kReady;
  EXPECT_TRUE(Jobs(filter, 0, "").items.empty());
}

// The listing of several environments is that of all, without what belongs to others.
TEST_F(PagingTest, SeveralEnvironmentsAreOneListing) {
  AddJobs(0, 30);
  JobFilter filter;
  for (const auto& names : std::vector<std::vector<std::string>>{
           {"qa", "elsewhere"}, {"qa", "production"}, {"elsewhere"}, {}}) {
    filter.environment = EnvironmentFilter::Only(names);
    std::vector<std::string> expected;
    for (const Job& job : Jobs({}, 1000, "").items) {
      if (filter.environment.Has(job.environment)) expected.push_back(job.id);
    }
    for (const int size : {1, 2, 7, 100}) {
      std::vector<std::string> seen;
      std::string token;
      do {
        const Page<Job> page = Jobs(filter, size, token);
        for (const Job& job : page.items) seen.push_back(job.id);
        token = page.next_token;
        EXPECT_TRUE(token.empty() || static_cast<int>(page.items.size()) == size);
      } while (!token.empty());
      EXPECT_EQ(seen, expected) << size;
    }
  }
  // A page's token is for these environments and no others.
  filter.environment = EnvironmentFilter::Only({"production", "qa"});
  const std::string token = Jobs(filter, 1, "").next_token;
  for (const EnvironmentFilter& other : {EnvironmentFilter(), EnvironmentFilter("qa")}) {
    filter.environment = other;
    EXPECT_EQ(ReasonOf(Read([&](ReadTx& tx) {
                         return tx.ListJobs(filter, {1, token});
                       }).status()),
              "BAD_PAGE_TOKEN");
  }
}

TEST_F(PagingTest, SizesHaveADefaultAndALimit) {
  AddJobs(0, 1100);
  EXPECT_EQ(Jobs({}, 0, "").items.size(), 50u);
  EXPECT_EQ(Jobs({}, 100000, "").items.size(), 1000u);
  const auto negative = Read([](ReadTx& tx) { return tx.ListJobs({}, {-1, ""}); });
  EXPECT_EQ(ReasonOf(negative.status()), "BAD_PAGE_SIZE");
}

TEST_F(PagingTest, ATokenBelongsToItsListingItsFilterAndItsStore) {
  AddJobs(0, 20);
  const std::string token = Jobs({}, 5, "").next_token;
  const auto reason = [&](const std::string& t, const std::string& environment) {
    return ReasonOf(Read([&](ReadTx& tx) {
                      JobFilter filter;
                      filter.environment = environment;
                      return tx.ListJobs(filter, {5, t});
                    }).status());
  };
  EXPECT_EQ(reason(token, ""), "");
  EXPECT_EQ(reason(token, "qa"), "BAD_PAGE_TOKEN");
  EXPECT_EQ(reason("garbage!", ""), "BAD_PAGE_TOKEN");
  EXPECT_EQ(reason(absl::WebSafeBase64Escape("J0001"), ""), "BAD_PAGE_TOKEN");
  EXPECT_EQ(ReasonOf(Read([&](ReadTx& tx) {
                       return tx.ListUsers({5, token});
                     }).status()),
            "BAD_PAGE_TOKEN");
  EXPECT_EQ(ReasonOf(Read([&](ReadTx& tx) {
                       return tx.ListAudit({}, {5, token});
                     }).status()),
            "BAD_PAGE_TOKEN");
  for (size_t i = 0; i < token.size(); ++i) {
    std::string altered = token;
    altered[i] = altered[i] == 'A' ? 'B' : 'A';
    std::string was, is;
    absl::WebSafeBase64Unescape(token, &was);
    if (absl::WebSafeBase64Unescape(altered, &is) && was == is) continue;
    EXPECT_EQ(reason(altered, ""), "BAD_PAGE_TOKEN") << i;
  }
  Open();
  EXPECT_EQ(reason(token, ""), "") << "tokens outlive a restart";
}

TEST_F(PagingTest, AuditIsNewestFirstAndFiltersByPrefixAndActor) {
  AddJobs(0, 12);
  ASSERT_TRUE(Mutate([&](WriteTx& tx) {
                AuditEntry entry = Entry("jobs/J0001x");
                entry.actor = "users/bob";
                return tx.AppendAudit(entry);
              }).ok());
  AuditFilter filter;
  filter.resource_prefix = "jobs/J0001";
  auto page = Read([&](ReadTx& tx) { return tx.ListAudit(filter, {}); }).value();
  ASSERT_EQ(page.items.size(), 2u);
  EXPECT_EQ(page.items[0].entry.resource, "jobs/J0001x");
  filter.actor = "users/ada";
  page = Read([&](ReadTx& tx) { return tx.ListAudit(filter, {}); }).value();
  ASSERT_EQ(page.items.size(), 1u);
  EXPECT_EQ(page.items[0].entry.resource, "jobs/J0001");

  std::vector<uint64_t> seqs;
  std::string token;
  do {
    const auto part = Read([&](ReadTx& tx) { return tx.ListAudit({}, {4, token}); }).value();
    for (const AuditRow& row : part.items) seqs.push_back(row.seq);
    token = part.next_token;
  } while (!token.empty());
  ASSERT_EQ(seqs.size(), 16u);  // 3 environments, 12 jobs, 1 more.
  for (size_t i = 0; i < seqs.size(); ++i) EXPECT_EQ(seqs[i], 16 - i);
}

// Records of resources with one prefix, few enough for a merge and too many for one, in pages of
// every size: always those that a look at each record gives, newest first.
TEST_F(PagingTest, AuditOfAPrefixIsInTheOrderOfRecordsWhateverTheNumberOfResources) {
  std::vector<std::string> written;
  for (int i = 0; i < 400; ++i) {
    written.push_back(i % 3 == 0   ? "agents/web1"
                      : i % 3 == 1 ? absl::StrCat("agents/web1", i % 7)
                                   : absl::StrCat("agents/db", (i * 7) % 41));
  }
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                for (const std::string& resource : written) {
                  AuditEntry entry = Entry(resource);
                  if (resource.size() % 2 == 0) entry.actor = "users/bob";
                  RETURN_IF_ERROR(tx.AppendAudit(entry));
                }
                return absl::OkStatus();
              }).ok());
  for (const char* prefix : {"agents/web1", "agents/web", "agents/db", "agents/db1", "agents/w",
                             "agents/web16", "agents/none", "agents", "agents/"}) {
    for (const char* actor : {"", "users/bob"}) {
      std::vector<std::string> expected;
      for (auto it = written.rbegin(); it != written.rend(); ++it) {
        const bool of_bob = it->size() % 2 == 0;
        if (absl::StartsWith(*it, prefix) && (*actor == '\0' || of_bob)) expected.push_back(*it);
      }
      for (const int size : {1, 7, 50, 500}) {
        std::vector<std::string> listed;
        uint64_t last = std::numeric_limits<uint64_t>::max();
        std::string token;
        do {
          const auto page = Read([&](ReadTx& tx) {
            return tx.ListAudit({prefix, actor}, {size, token});
          });
          ASSERT_TRUE(page.ok()) << page.status();
          for (const AuditRow& row : page->items) {
            EXPECT_LT(row.seq, last);
            last = row.seq;
            listed.push_back(row.entry.resource);
          }
          token = page->next_token;
        } while (!token.empty());
        EXPECT_EQ(listed, expected) << prefix << " " << actor << " " << size;
      }
    }
  }
}

// Every combination of filters gives what a look at each record gives, newest first, in pages of
// every size: by a resource, by few actions, by more actions than are merged, by a collection.
TEST_F(PagingTest, AuditIsFilteredByActionsBesideTheOthers) {
  std::vector<AuditEntry> written;
  for (int i = 0; i < 600; ++i) {
    AuditEntry entry = Entry(i % 5 == 0 ? "agents/a" : absl::StrCat("jobs/J", i % 90));
    if (i % 3 == 0) entry.actor = "users/bob";
    entry.action = i % 7 == 0    ? "change.approve"
                   : i % 11 == 0 ? "change.approve_refused"
                   : i % 13 == 0 ? "access.denied"
                                 : absl::StrCat("many.", i % 50);
    written.push_back(std::move(entry));
  }
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                for (const AuditEntry& entry : written) RETURN_IF_ERROR(tx.AppendAudit(entry));
                return absl::OkStatus();
              }).ok());
  const std::vector<AuditRow> all = Trail();  // With those of the fixture.
  ASSERT_GT(all.size(), written.size());
  const std::vector<std::vector<std::string>> action_lists = {
      {}, {"access.denied", "change.approve_refused"}, {"access.denied"}, {"no.such"}};
  for (const char* prefix : {"", "jobs/", "jobs/J1", "jobs/J", "agents/a", "agents/none"}) {
    for (const char* action :
         {"", "change.approve", "change.", "many.", "many.7", "no", "access"}) {
      for (const std::vector<std::string>& actions : action_lists) {
        for (const char* actor : {"", "users/bob"}) {
          std::vector<uint64_t> expected;
          for (auto row = all.rbegin(); row != all.rend(); ++row) {
            const AuditEntry& entry = row->entry;
            const bool listed = actions.empty() || std::find(actions.begin(), actions.end(),
                                                             entry.action) != actions.end();
            if (listed && absl::StartsWith(entry.resource, prefix) &&
                absl::StartsWith(entry.action, action) &&
                (*actor == '\0' || entry.actor == actor)) {
              expected.push_back(row->seq);
            }
          }
          for (const int size : {3, 50, 1000}) {
            std::vector<uint64_t> seqs;
            std::string token;
            do {
              const auto page = Read([&](ReadTx& tx) {
                return tx.ListAudit({.resource_prefix = prefix,
                                     .actor = actor,
                                     .action_prefix = action,
                                     .actions = actions},
                                    {size, token});
              });
              ASSERT_TRUE(page.ok()) << page.status();
              for (const AuditRow& row : page->items) seqs.push_back(row.seq);
              token = page->next_token;
            } while (!token.empty());
            EXPECT_EQ(seqs, expected)
                << prefix << " " << action << " " << actions.size() << " " << actor << " " << size;
          }
        }
      }
    }
  }
}

// Whatever is wrong about it gives the same records, only after a look at all of the trail.
TEST_F(PagingTest, AuditIsFoundByTheNarrowestIndex) {
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                for (int i = 0; i < 200; ++i) {
                  AuditEntry entry = Entry(absl::StrCat("jobs/J", i));
                  entry.actor = i % 2 == 0 ? "users/ada" : "system/dispatch";
                  entry.action = absl::StrCat(i % 3 == 0 ? "few." : "many.", i % 60);
                  RETURN_IF_ERROR(tx.AppendAudit(entry));
                }
                return absl::OkStatus();
              }).ok());
  const auto connection = sqlite::Connection::Open(folder_ + "/controller.db");
  ASSERT_TRUE(connection.ok()) << connection.status();
  const auto plan = [&](const AuditFilter& filter) {
    std::string text = sqlite::PlanOfAudit(**connection, filter).value();
    EXPECT_EQ(text.find("TEMP B-TREE"), std::string::npos) << "it sorts: " << text;
    const size_t index = text.find("INDEX ");
    if (index == std::string::npos) return std::string("seq");
    const size_t name = index + 6;
    return text.substr(name, text.find(' ', name) - name);
  };
  const std::string ada = "users/ada";
  const std::string dispatch = "system/dispatch";
  const std::vector<std::string> denials = {"access.denied", "few.0"};
  EXPECT_EQ(plan({}), "seq");
  EXPECT_EQ(plan({.actor = ada}), "audit_actor");
  EXPECT_EQ(plan({.actor = ada, .action_prefix = "few."}), "audit_actor");
  EXPECT_EQ(plan({.actor = ada, .action_prefix = "many."}), "audit_actor");
  EXPECT_EQ(plan({.actor = ada, .actions = denials}), "audit_actor");
  EXPECT_EQ(plan({.resource_prefix = "jobs/", .actor = ada}), "audit_actor");
  EXPECT_EQ(plan({.resource_prefix = "jobs/J", .actor = ada}), "audit_actor");
  EXPECT_EQ(plan({.resource_prefix = "jobs/J77", .actor = ada}), "audit_resource");
  EXPECT_EQ(plan({.resource_prefix = "jobs/J77", .actor = ada, .exact = true}), "audit_resource");
  EXPECT_EQ(plan({.resource_prefix = "jobs/J77", .actions = denials}), "audit_resource");
  EXPECT_EQ(plan({.resource_prefix = "jobs/J77", .action_prefix = "few."}), "audit_resource");
  EXPECT_EQ(plan({.resource_prefix = "jobs/"}), "audit_collection");
  EXPECT_EQ(plan({.resource_prefix = "jobs/", .actions = denials}), "audit_action");
  EXPECT_EQ(plan({.resource_prefix = "jobs/", .action_prefix = "few."}), "audit_action");
  EXPECT_EQ(plan({.actions = denials}), "audit_action");
  EXPECT_EQ(plan({.action_prefix = "few."}), "audit_action");
  EXPECT_EQ(plan({.action_prefix = "many."}), "seq") << "by more than are merged";
  EXPECT_EQ(plan({.actor = dispatch, .actions = denials}), "audit_action");
  EXPECT_EQ(plan({.actor = dispatch, .action_prefix = "few."}), "audit_action");
  EXPECT_EQ(plan({.actor = dispatch}), "audit_actor");
}

TEST_F(PagingTest, ATokenOfOneActionIsNoneOfAnother) {
  AddJobs(0, 12);
  const std::string token = Read([](ReadTx& tx) {
                              return tx.ListAudit({.action_prefix = "test."}, {5, ""});
                            })
                                .value()
                                .next_token;
  ASSERT_NE(token, "");
  EXPECT_TRUE(Read([&](ReadTx& tx) {
                return tx.ListAudit({.action_prefix = "test."}, {5, token});
              }).ok());
  for (const AuditFilter& other : {AuditFilter{}, AuditFilter{.action_prefix = "test"},
                                   AuditFilter{.action_prefix = "test.", .actions = {"x"}},
                                   AuditFilter{.exact = true, .action_prefix = "test."}}) {
    EXPECT_EQ(ReasonOf(Read([&](ReadTx& tx) {
                         return tx.ListAudit(other, {5, token});
                       }).status()),
              "BAD_PAGE_TOKEN");
  }
}

TEST_F(PagingTest, UsersAgentsAndTokensAreInTheOrderOfTheirNames) {
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                for (const char* id : {"c", "a", "b"}) {
                  User user;
                  user.id = id;
                  RETURN_IF_ERROR(tx.InsertUser(&user));
                  ApiToken token;
                  token.id = absl::StrCat("K", id);
                  token.hash = token.id;
                  token.user_id = id;
                  RETURN_IF_ERROR(tx.InsertToken(&token));
                  Agent agent;
                  agent.id = id;
                  agent.environment = "qa";
                  RETURN_IF_ERROR(tx.InsertAgent(&agent));
                }
                return absl::OkStatus();
              }).ok());
  const auto users = Read([](ReadTx& tx) { return tx.ListUsers({2, ""}); }).value();
  ASSERT_EQ(users.items.size(), 2u);
  EXPECT_EQ(users.items[0].id + users.items[1].id, "ab");
  const auto rest = Read([&](ReadTx& tx) { return tx.ListUsers({2, users.next_token}); }).value();
  ASSERT_EQ(rest.items.size(), 1u);
  EXPECT_EQ(rest.items[0].id, "c");
  EXPECT_EQ(Read([](ReadTx& tx) { return tx.ListTokens("b", {}); }).value().items.size(), 1u);
  EXPECT_EQ(Read([](ReadTx& tx) { return tx.ListTokens("", {}); }).value().items.size(), 3u);
  EXPECT_EQ(Read([](ReadTx& tx) { return tx.ListAgents("qa", {}); }).value().items.size(), 3u);
  EXPECT_EQ(Read([](ReadTx& tx) { return tx.ListAgents("x", {}); }).value().items.size(), 0u);
  EXPECT_EQ(Read([](ReadTx& tx) { return tx.ListEnvironments({}); }).value().items.size(), 3u);
}

}  // namespace
}  // namespace dbfleet::controller
