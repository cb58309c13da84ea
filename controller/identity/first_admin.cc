#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/identity/principals.h"
#include "controller/identity/user_rows.h"

// The first start's admin and its token. The setting below says how far it has come: "" before it
// began (or in a store that has users anyway), "pending TOKEN_ID" once user and token are
// committed, "done" once the file is durable. Only a token whose file is known to be there
// survives.
namespace dbfleet::controller {
namespace {

constexpr char kSetting[] = "admin_token";
constexpr absl::string_view kPending = "pending ";
constexpr char kDone[] = "done";
constexpr char kAdmin[] = "admin";
constexpr char kActor[] = "system/controller";
constexpr absl::Duration kTtl = absl::Hours(24 * 366);

struct Progress {
  std::string setting;
  bool admin_exists = false;
  std::string pending_hash;  // Of the token that may have reached the file.
  bool users_named = false;  // Of a version that gives what it keeps of users a name.
};

absl::StatusOr<Progress> ReadProgress(Store* store) {
  Progress progress;
  RETURN_IF_ERROR(store->Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(progress.setting, tx.GetSetting(kSetting));
    const absl::StatusOr<User> admin = tx.GetUser(kAdmin);
    if (!admin.ok() && !absl::IsNotFound(admin.status())) return admin.status();
    progress.admin_exists = admin.ok();
    ASSIGN_OR_RETURN(const std::string generation, UsersGeneration(tx));
    progress.users_named = !generation.empty();
    if (!absl::StartsWith(progress.setting, kPending)) return absl::OkStatus();
    ASSIGN_OR_RETURN(const ApiToken token, tx.GetToken(progress.setting.substr(kPending.size())));
    progress.pending_hash = token.hash;
    return absl::OkStatus();
  }));
  return progress;
}

absl::Status MakeAdmin(WriteTx& tx, absl::Time now) {
  User admin;
  admin.id = kAdmin;
  admin.roles = {Role::kAdmin};
  admin.creator = kActor;
  admin.roles_editor = kActor;
  admin.create_time = now;
  RETURN_IF_ERROR(tx.InsertUser(&admin));
  return tx.AppendAudit({kActor, "user.create", admin.Principal(), "", {{"roles", "admin"}}});
}

absl::Status RevokeUnseen(WriteTx& tx, const std::string& token_id) {
  ASSIGN_OR_RETURN(ApiToken token, tx.GetToken(token_id));
  if (token.revoked) return absl::OkStatus();
  token.revoked = true;
  RETURN_IF_ERROR(tx.UpdateToken(&token));
  return tx.AppendAudit({kActor,
                         "token.revoke",
                         TokenName(token),
                         "",
                         {{"reason", "the controller ended before it was written to its file"}}});
}

}  // namespace

absl::Status Principals::EnsureAdmin(const std::string& data_dir) {
  ASSIGN_OR_RETURN(const Progress progress, ReadProgress(store_));
  const bool first_start = progress.setting.empty() && !progress.admin_exists;
  const bool pending = !progress.pending_hash.empty();
  if (!first_start && !pending) {
    // Without a name all users are read each time: slower, and no reason not to start.
    if (!progress.users_named) (void)MutateUsers([](WriteTx&) { return absl::OkStatus(); });
    return absl::OkStatus();
  }

  const std::string path = data_dir + "/admin-token";
  bool written = false;
  if (pending) {
    const absl::StatusOr<Secret> file = ReadSecretFile(path);
    written = file.ok() && Sha256Hex(file->Reveal()) == progress.pending_hash;
  }
  if (!written) {
    CreatedToken created = NewToken(kActor, kAdmin, "made at the first start", clock_->Now(), kTtl);
    RETURN_IF_ERROR(MutateUsers([&](WriteTx& tx) -> absl::Status {
      if (first_start) RETURN_IF_ERROR(MakeAdmin(tx, clock_->Now()));
      if (pending) {
        RETURN_IF_ERROR(RevokeUnseen(tx, progress.setting.substr(kPending.size())));
      }
      RETURN_IF_ERROR(StoreToken(tx, &created.token));
      return tx.PutSetting(kSetting, absl::StrCat(kPending, created.token.id));
    }));
    RETURN_IF_ERROR(WriteFileAtomically(path, created.secret.Reveal() + "\n", 0600));
    log::Info("wrote the first admin's token", {{"file", path}});
  }
  return store_->MutateAndWait([](WriteTx& tx) { return tx.PutSetting(kSetting, kDone); });
}

}  // namespace dbfleet::controller
