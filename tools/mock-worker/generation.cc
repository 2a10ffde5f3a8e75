// SPDX-License-Identifier: Apache-2.0
#include "tools/mock-worker/generation.h"

#include <optional>
#include <utility>

#include <unistd.h>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/one_shot.h"
#include "common/status/status.h"
#include "tools/mock-worker/text.h"

namespace chasqui::mock_worker {
namespace {

constexpr int kExitAsIfKilled = 137;

// A longer wait listens for the call's end; a shorter one is over soon anyway.
constexpr std::chrono::seconds kShortWait(1);

absl::Status Cancelled() { return absl::CancelledError("the client is gone"); }

}  // namespace

concurrency::Task<void> Generation::Wait(time::SteadyTime until) {
  if (until != time::SteadyTime::max() && until - time::SteadyNow() < kShortWait) {
    co_await call_.loop().SleepUntil(until);
    co_return;
  }
  rpc::OneShot<bool> over;
  const rpc::CancelHook hook = call_.OnCancel([&over] { over.Set(true); });
  rpc::Loop::Timer timer;
  if (until != time::SteadyTime::max()) {
    timer = call_.loop().After(until - time::SteadyNow(), [&over] { over.Set(true); });
  }
  co_await over;
}

concurrency::Task<absl::Status> Generation::Disturb(uint64_t position) {
  const Behaviour& behaviour = plan_.behaviour;
  if (behaviour.exit_after == position) _exit(kExitAsIfKilled);
  if (behaviour.fail_after == position) {
    co_return status::Error(behaviour.fail_code, "MOCK_FAULT",
                            absl::StrCat("asked to fail after ", position, " chunks"));
  }
  if (behaviour.hang_after == position) {
    co_await Wait(time::SteadyTime::max());
    co_return Cancelled();
  }
  if (behaviour.stall_after == position) co_await Wait(time::SteadyNow() + behaviour.stall);
  co_return absl::OkStatus();
}

time::SteadyTime Generation::DueTime(uint64_t position) const {
  // Absolute times, so that being late once does not make everything after it late.
  return begin_ + plan_.behaviour.time_to_first_token +
         plan_.behaviour.interval * (position - plan_.first);
}

bool Generation::GoesOnAtOnce(uint64_t position) const {
  const Behaviour& behaviour = plan_.behaviour;
  return behaviour.interval.count() == 0 && behaviour.hang_after != position &&
         behaviour.stall_after != position;
}

concurrency::Task<bool> Generation::SendChunks(Writer& writer, uint64_t position) {
  for (uint32_t index = 0; index < plan_.candidates; ++index) {
    inference::v1::Chunk& chunk = *event_.mutable_chunk();
    MockToken token = TokenAt(plan_.prompt_hash, index, position, plan_.behaviour.message_bytes);
    if (plan_.behaviour.stamp) {
      token.text.replace(0, std::string::npos, SendStamp(time::SteadyNow()));
      token.text.resize(std::max(token.text.size(), plan_.behaviour.message_bytes), ' ');
    }
    chunk.set_index(index);
    chunk.set_text(std::move(token.text));
    chunk.clear_token_ids();
    chunk.add_token_ids(token.id);
    event_.set_sequence(next_sequence_++);
    load_.CountToken();
    const bool more_follows = index + 1 < plan_.candidates || GoesOnAtOnce(position + 1);
    if (!co_await writer.Write(event_, more_follows)) co_return false;
  }
  co_return true;
}

concurrency::Task<absl::Status> Generation::Stream(Writer& writer,
                                                   const inference::v1::Started& started) {
  *event_.mutable_started() = started;
  event_.set_sequence(next_sequence_++);
  if (!co_await writer.Write(event_)) co_return Cancelled();
  const bool paced = plan_.behaviour.interval.count() > 0;
  for (uint64_t position = plan_.first; position <= plan_.end; ++position) {
    const absl::Status fault = co_await Disturb(position);
    if (!fault.ok()) co_return fault;
    if (plan_.behaviour.cut_after == position) co_return absl::OkStatus();
    if (position == plan_.end) break;
    if (paced || position == plan_.first) co_await Wait(DueTime(position));
    if (!paced) {
      if (const auto until = breath_.Before(time::SteadyNow())) co_await Wait(*until);
    }
    if (!co_await SendChunks(writer, position)) co_return Cancelled();
  }
  *event_.mutable_finished() = Finish();
  event_.set_sequence(next_sequence_++);
  writer.WriteLast(event_);
  co_return absl::OkStatus();
}

concurrency::Task<absl::StatusOr<inference::v1::GenerateResponse>> Generation::Answer(
    const inference::v1::Started& started) {
  inference::v1::GenerateResponse response;
  *response.mutable_started() = started;
  for (uint32_t index = 0; index < plan_.candidates; ++index) {
    inference::v1::Completion& completion = *response.add_completions();
    completion.set_index(index);
    completion.set_finish_reason(plan_.finish_reason);
    for (uint64_t position = plan_.first; position < plan_.end; ++position) {
      const MockToken token =
          TokenAt(plan_.prompt_hash, index, position, plan_.behaviour.message_bytes);
      absl::StrAppend(completion.mutable_text(), token.text);
      completion.add_token_ids(token.id);
    }
  }
  for (uint64_t position = plan_.first; position <= plan_.end; ++position) {
    absl::Status fault = co_await Disturb(position);
    if (!fault.ok()) co_return fault;
  }
  if (DueTime(plan_.end) > begin_) co_await Wait(DueTime(plan_.end));
  *response.mutable_usage() = Finish().usage();
  co_return response;
}

inference::v1::Finished Generation::Finish() const {
  inference::v1::Finished finished;
  for (uint32_t index = 0; index < plan_.candidates; ++index) {
    inference::v1::CandidateEnd& end = *finished.add_candidates();
    end.set_index(index);
    end.set_finish_reason(plan_.finish_reason);
  }
  finished.mutable_usage()->set_prompt_tokens(plan_.prompt_tokens);
  finished.mutable_usage()->set_completion_tokens(
      static_cast<uint32_t>(plan_.end * plan_.candidates));
  return finished;
}

}  // namespace chasqui::mock_worker
