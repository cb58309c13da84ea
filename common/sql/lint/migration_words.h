#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/lint/look.h"

// How a migration of Rails or Laravel writes what an advice says, and which rules speak of it.
namespace dbfleet::sql {

// What Ruby takes as a symbol without quotes.
bool IsWord(absl::string_view name);

// :orders, :"app.orders"; 'orders' in PHP.
std::string Quoted(const Look& look, absl::string_view name);
std::string Quoted(const Look& look, const Name& name);
std::string Quoted(const Look& look, const std::vector<std::string>& columns);

// "orders.note", as a message names it.
std::string PlaceOf(const Look& look, absl::string_view column);

// "$table->dropColumn('a') in Schema::table('t', ...)"
std::string InTable(const Look& look, absl::string_view call);

// SQL that has no word of its own: execute "..." in Ruby, DB::statement('...') in PHP.
std::string RunSql(const Look& look, absl::string_view sql);

// migration_columns.cc: new columns, NOT NULL, checks, and what columns hold.
void CheckMigrationColumns(const Look& look);
// Of a table that the migration makes, too.
void CheckMigrationTypes(const Look& look);
// migration_keys.cc: indexes and foreign keys.
void CheckMigrationKeys(const Look& look);
// Of a table that the migration makes, too.
void CheckMigrationCascades(const Look& look);

}  // namespace dbfleet::sql
