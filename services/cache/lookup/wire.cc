// SPDX-License-Identifier: Apache-2.0
#include "services/cache/lookup/wire.h"

#include <chrono>
#include <memory>
#include <utility>

#include "common/service/settings.h"

namespace chasqui::cache {
namespace {

std::int64_t Micros(time::Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

}  // namespace

std::vector<std::string> TakeEvents(v1::Fill& fill) {
  return {std::make_move_iterator(fill.mutable_events()->begin()),
          std::make_move_iterator(fill.mutable_events()->end())};
}

v1::LookupResponse EventsResponse(std::span<const EventPtr> events) {
  v1::LookupResponse response;
  for (const EventPtr& event : events) response.add_events(*event);
  return response;
}

void SetTime(time::SystemTime time, google::protobuf::Timestamp& out) {
  const std::int64_t micros = ToMicros(time);
  out.set_seconds(micros / 1'000'000);
  out.set_nanos(static_cast<std::int32_t>(micros % 1'000'000 * 1000));
}

AnswerPtr MakeAnswer(const Question& question, const Flight& flight, v1::Done done,
                     time::Duration ttl, time::SystemTime now) {
  auto answer = std::make_shared<StoredAnswer>();
  answer->set_key(std::string(question.key.bytes()));
  answer->set_model(question.model);
  answer->set_model_fingerprint(question.model_fingerprint);
  answer->set_tenant(question.tenant);
  answer->mutable_tags()->Assign(question.tags.begin(), question.tags.end());
  answer->set_stamp(flight.stamp());
  answer->set_created_us(ToMicros(now));
  answer->set_expires_us(ToMicros(now) + Micros(ttl));
  answer->set_ttl_us(Micros(ttl));
  answer->set_cost_us(Micros(service::ToDuration(done.cost())));
  answer->set_prompt_tokens(done.prompt_tokens());
  answer->set_completion_tokens(done.completion_tokens());
  for (const EventPtr& event : flight.events()) answer->add_events(*event);
  answer->set_request(std::move(*done.mutable_request()));
  answer->set_priority(question.priority);
  return answer;
}

}  // namespace chasqui::cache
