// SPDX-License-Identifier: Apache-2.0
// How ThreadSanitizer reports, and what it does not look at. It finds these functions by their
// names.

extern "C" {

// What the linker is told to look for (--undefined, CMakeLists.txt), or it would leave this file in
// its archive: libtsan.so has functions of the names below, too.
extern const char chasqui_tsan_options;
const char chasqui_tsan_options = 0;

// The system's libraries are not compiled with it: what they order by atomic operations of their
// own (gRPC's queues, OpenMP's barriers, counted references) it cannot see. So it does not look at
// memory that they touch by functions of the C library; the locks that they take count all the
// same.
const char* __tsan_default_options() {
  return "ignore_noninstrumented_modules=1 second_deadlock_stack=1";
}

// Where a library calls what is inline in a header, the dynamic linker may give it the program's
// instrumented copy. A name here is that of a function of the library in whose calls that happens.
const char* __tsan_default_suppressions() {
  return
      // What others wait for is looked at under their mutex, which the thread that has unlocked it
      // holds in truth.
      "race:absl::*::Mutex::UnlockSlow\n"
      // gRPC's threads make strings of what was sent; a call's end brings them.
      "race:absl::*::CopyCordToString\n"
      "race:grpc::internal::CallOpClientRecvStatus::FinishOp\n"
      // gRPC's own threads hand each other what to run.
      "race:grpc_event_engine::experimental::\n"
      // An operation is finished, with the strings that gRPC's threads wrote, before its tag is
      // ours.
      "race:grpc::CompletionQueue::AsyncNextInternal\n";
}

}  // extern "C"
