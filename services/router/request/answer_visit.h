// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <grpcpp/support/byte_buffer.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chasqui/cache/v1/cache_service.pb.h"
#include "chasqui/inference/v1/generate.pb.h"
#include "common/rpc/loop.h"
#include "common/rpc/server_call.h"
#include "common/time/clock.h"
#include "services/router/answers/answer_events.h"
#include "services/router/answers/cache_access.h"
#include "services/router/answers/cache_conversation.h"
#include "services/router/relay/event_tap.h"
#include "services/router/request/begun_stream.h"
#include "services/router/request/request_record.h"

namespace chasqui::router {

// What one request has to do with the cache service: it is given a remembered answer, or shares one
// that is being made, or makes one and shares it. When the cache service or the one who makes it is
// lost the request goes on by itself, from where it is. A local of the request's coroutine.
// Confined to the call's loop.
class AnswerVisit final : public EventTap {
 public:
  // What is asked, and how its events go to the client.
  struct Question {
    cache::v1::Ask ask;
    bool include_timings = false;
    std::uint32_t replay_tokens_per_second = 0;  // 0: as fast as they are read
    // Whether the client waits for the whole answer, and gets no events.
    bool whole = false;
  };

  // All outlive it.
  AnswerVisit(CacheAccess& access, rpc::ServerCall& call, BegunStream& stream,
              RequestRecord& record, Question question);
  ~AnswerVisit() override;

  // Asks, and gives the client all that there is, until it ends. Nothing: the rest is to be
  // generated, with this as the tap. Once.
  rpc::Task<std::optional<absl::Status>> Take();

  // Passes an event of the generated answer on to the cache service, if it is to be shared.
  bool OnEvent(EventKind kind, grpc::ByteBuffer& event) override;

  // It is another's answer now: nobody shares it.
  void Abandon();

  // The answer has been generated, or could not be. After it a client that waits for the whole has
  // it.
  void Conclude(const absl::Status& status);

 private:
  rpc::Task<std::optional<absl::Status>> Receive(cache::v1::LookupResponse response);
  // Sends the response's events on; whether the client is still there.
  rpc::Task<bool> PassOn(const cache::v1::LookupResponse& response);
  rpc::Task<bool> PassOn(const std::string& event);
  rpc::Task<void> Pace(const std::string& chunk);
  void Lead();
  // The service is no help; the error where that is all there may be.
  std::optional<absl::Status> GoOnAlone();
  bool only_remembered() const { return question_.ask.mode() == cache::v1::Ask::MODE_REQUIRE; }
  cache::v1::LookupRequest DoneStep() const;

  CacheAccess& access_;
  rpc::ServerCall& call_;
  BegunStream& stream_;
  RequestRecord& record_;
  Question question_;
  AnswerReader reader_;
  AnswerCollector collector_;
  std::shared_ptr<CacheConversation> conversation_;
  bool leads_ = false;
  bool same_weights_ = true;         // as were asked for
  std::uint32_t shared_tokens_ = 0;  // that were not generated for this request
  time::SteadyTime began_;           // to generate
  std::optional<AnswerEnd> end_;     // once it is finished
};

}  // namespace chasqui::router
