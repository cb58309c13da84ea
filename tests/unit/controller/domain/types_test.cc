#include "controller/domain/types.h"

#include "gtest/gtest.h"

namespace dbfleet::controller {
namespace {

TEST(Task, TargetNamesTheDatabaseOnlyWhenThereIsOne) {
  Task task;
  task.instance_id = "orders-db";
  EXPECT_EQ(task.Target(), "instances/orders-db");
  task.database = "shop";
  EXPECT_EQ(task.Target(), "instances/orders-db/databases/shop");
}

TEST(User, HasOnlyTheRolesThatWereGiven) {
  User user;
  user.id = "bob";
  user.roles = {Role::kViewer, Role::kApprover};
  EXPECT_TRUE(user.Has(Role::kApprover));
  EXPECT_FALSE(user.Has(Role::kAdmin));
  EXPECT_EQ(user.Principal(), "users/bob");
}

}  // namespace
}  // namespace dbfleet::controller
