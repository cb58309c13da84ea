#pragma once

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_program.h"

// What a call is made on, as far as names tell.
namespace dbfleet::sql {

// Whether a class may be a model: all are but those of the languages and frameworks that hold no
// rows.
// Of PHP, whose classes are not told apart by case: whether it is that of no model, in any case.
bool NamesNoModel(absl::string_view name);
bool IsModelClass(absl::string_view receiver);
// Methods that none of those has, so that a model is only called as one of them: Session::truncate
// is not among them, Session.delete_all is.
bool IsOnlyOfModels(absl::string_view method);
// Facades of Laravel, Schema of Rails, RedBean's R: all that they do is about the database.
bool IsFacade(const HostProgram& program, absl::string_view receiver);
// A variable or class that holds a connection by its name: $db, @connection, DB.
bool IsConnectionName(absl::string_view receiver);
// Of those the names that nothing else has, so that what is not known of them counts.
bool IsNothingButConnection(absl::string_view receiver);
// What connections are asked for that changes nothing.
// Methods of PHP that hand out a connection: $order->getConnection(), $this->db().
bool GivesConnection(absl::string_view method);
bool IsHarmlessOfConnection(absl::string_view method);

// Variables and attributes that by their names hold no rows, and whose methods have the same names:
// params.delete.
bool IsPlainData(absl::string_view receiver);
// What data of that name has a method for, too: params.delete(:x), $session->clear(). A record that
// happens to be called so (@file.destroy, $request->save()) has others, and is given nothing.
bool IsDataCall(const HostProgram& program, absl::string_view holder, const HostCall& call);
// Whether what such a class, or a function of Laravel, gives may be a record that it keeps for
// somebody: Auth::user(), Cache::get('x'), session('x'). `method` of a chain on the class.
bool MayGiveRecord(absl::string_view receiver, absl::string_view method);
bool MayGiveRecord(const HostCall& function);
// What gives a text or list in memory, whatever it is called on: to_s, map, pluck.
bool GivesData(const HostProgram& program, const HostCall& call);
// PHP's and Laravel's functions that give what holds no rows: collect(), session().
bool IsDataFunction(absl::string_view name);

}  // namespace dbfleet::sql
