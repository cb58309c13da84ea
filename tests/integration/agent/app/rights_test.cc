// What check-config and grants say of real accounts on real servers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "agent/app/account_rights.h"
#include "agent/app/instances.h"
#include "tests/mini/instance_spec.h"

namespace dbfleet::agent {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr AccountUse kUses[] = {AccountUse::kInspect, AccountUse::kBackup, AccountUse::kMigrate};

void ExpectNothingMissing(const InstanceSpec& spec) {
  for (const AccountUse use : kUses) {
    if (spec.engine == work::v1::ENGINE_REDIS && use == AccountUse::kMigrate) continue;
    const auto report = CheckRights(spec, use);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_THAT(report->missing, IsEmpty()) << static_cast<int>(use);
  }
}

std::string MissingIn(const InstanceSpec& spec, AccountUse use) {
  const auto report = CheckRights(spec, use);
  return report.ok() ? absl::StrJoin(report->missing, "; ")
                     : std::string(report.status().message());
}

TEST(RightsTest, PostgresAccountsAreToldWhatTheyLack) {
  auto server = mini::MiniPostgres::Launch();
  ASSERT_TRUE(server.ok()) << server.status();
  ASSERT_TRUE((*server)
                  ->Admin("CREATE DATABASE shop;\nCREATE ROLE app;\n\\connect shop\n"
                          "CREATE TABLE orders (id int PRIMARY KEY); ALTER TABLE orders OWNER TO "
                          "app; CREATE TABLE ours (id int);")
                  .ok());
  const InstanceSpec spec = mini::SpecFor(**server, work::v1::ENGINE_POSTGRESQL, "shop");
  EXPECT_THAT(PostgresOwnerGrants(spec), HasSubstr("GRANT <owner> TO")) << "no account yet";
  ASSERT_TRUE((*server)->ApplyGrants(MakeEngine(spec)->Grants()).ok());
  ExpectNothingMissing(spec);

  const std::string owners = PostgresOwnerGrants(spec);
  EXPECT_THAT(owners,
              HasSubstr(absl::StrCat("\nGRANT \"app\" TO \"", spec.migrate->user, "\";\n")));
  EXPECT_THAT(owners, HasSubstr("-- REASSIGN the tables of the superuser"));
  const auto before = CheckRights(spec, AccountUse::kMigrate);
  EXPECT_THAT(absl::StrJoin(before->advice, "\n"), HasSubstr("GRANT \"app\" TO"));
  ASSERT_TRUE((*server)->ApplyGrants(owners).ok());
  const auto after = CheckRights(spec, AccountUse::kMigrate);
  EXPECT_THAT(absl::StrJoin(after->advice, "\n"), Not(HasSubstr("\"app\"")));

  ASSERT_TRUE(
      (*server)
          ->Admin(absl::StrCat("REVOKE pg_monitor FROM \"", spec.inspect->user, "\"; ALTER ROLE \"",
                               spec.backup->user, "\" NOBYPASSRLS; ",
                               "REVOKE CREATE ON DATABASE shop FROM \"", spec.migrate->user, "\""))
          .ok());
  EXPECT_THAT(MissingIn(spec, AccountUse::kInspect), HasSubstr("GRANT pg_monitor TO"));
  EXPECT_THAT(MissingIn(spec, AccountUse::kBackup), HasSubstr("BYPASSRLS"));
  EXPECT_THAT(MissingIn(spec, AccountUse::kMigrate), HasSubstr("ON DATABASE \"shop\""));
}

TEST(RightsTest, MariaDbAccountsAreToldWhatTheyLack) {
  auto server = mini::MiniMariaDb::Launch();
  ASSERT_TRUE(server.ok()) << server.status();
  ASSERT_TRUE((*server)->Admin("CREATE DATABASE my_shop; CREATE DATABASE other").ok());
  const InstanceSpec spec = mini::SpecFor(**server, work::v1::ENGINE_MYSQL, "my_shop");
  ASSERT_TRUE((*server)->ApplyGrants(MakeEngine(spec)->Grants()).ok());
  ExpectNothingMissing(spec);

  ASSERT_TRUE((*server)
                  ->Admin(absl::StrCat("REVOKE SLAVE MONITOR ON *.* FROM '", spec.inspect->user,
                                       "'@'localhost'; REVOKE TRIGGER ON *.* FROM '",
                                       spec.backup->user, "'@'localhost'; REVOKE ALTER ON ",
                                       "`my\\_shop`.* FROM '", spec.migrate->user, "'@'localhost'"))
                  .ok());
  EXPECT_THAT(MissingIn(spec, AccountUse::kInspect), HasSubstr("GRANT SLAVE MONITOR"));
  EXPECT_THAT(MissingIn(spec, AccountUse::kBackup), HasSubstr("TRIGGER ON `my_shop`"));
  EXPECT_THAT(MissingIn(spec, AccountUse::kMigrate), HasSubstr("GRANT ALTER ON `my_shop`"));
}

TEST(RightsTest, RedisAccountsAreToldWhatTheyLack) {
  auto server = mini::MiniRedis::Launch({.password = "adm1n", .extra = {}});
  ASSERT_TRUE(server.ok()) << server.status();
  const InstanceSpec spec = mini::SpecFor(**server, work::v1::ENGINE_REDIS);
  ASSERT_TRUE((*server)->ApplyGrants(MakeEngine(spec)->Grants()).ok());
  ExpectNothingMissing(spec);
  ASSERT_TRUE((*server)->Admin(absl::StrCat("ACL SETUSER ", spec.inspect->user, " -info")).ok());
  EXPECT_THAT(MissingIn(spec, AccountUse::kInspect), HasSubstr("+info"));
}

}  // namespace
}  // namespace dbfleet::agent
