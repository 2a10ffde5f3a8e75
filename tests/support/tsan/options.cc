// SPDX-License-Identifier: Apache-2.0
// What ThreadSanitizer does not look at, and how it reports.

extern "C" {

const char* __tsan_default_options() { return "second_deadlock_stack=1"; }

// Libraries of the system that are not compiled with it: what they order by atomic operations of
// their own it cannot see. Functions of the C library are not looked at when these call them.
const char* __tsan_default_suppressions() {
  return
      // OpenMP's team meets at barriers made of futexes; all of it computes for ggml.
      "called_from_lib:libgomp.so\n"
      "called_from_lib:libggml-cpu\n"
      // Buffers and calls go from thread to thread behind lock-free queues.
      "called_from_lib:libgrpc.so\n";
}

}  // extern "C"
