// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include "chasqui/cache/v1/cache_service.grpc.pb.h"
#include "common/observability/log.h"
#include "common/observability/metrics.h"
#include "services/cache/cache_config.h"
#include "services/cache/cache_server.h"

namespace chasqui::cache {

// One call of Lookup, a step at a time. Every wait ends with the call's deadline.
class LookupClient {
 public:
  explicit LookupClient(v1::CacheService::Stub& stub) {
    context_.set_deadline(std::chrono::system_clock::time_point(time::RealClock().SystemNow() +
                                                                std::chrono::seconds(60)));
    stream_ = stub.Lookup(&context_);
  }

  LookupClient& Ask(const std::string& key, v1::Ask::Mode mode = v1::Ask::MODE_DEFAULT,
                    const std::vector<std::string>& tags = {}) {
    v1::LookupRequest request;
    request.mutable_ask()->set_key(key);
    request.mutable_ask()->set_model("m");
    request.mutable_ask()->set_mode(mode);
    request.mutable_ask()->set_priority(inference::v1::PRIORITY_HIGH);
    request.mutable_ask()->mutable_tags()->Assign(tags.begin(), tags.end());
    stream_->Write(request);
    return *this;
  }
  void Fill(const std::string& event) {
    v1::LookupRequest request;
    request.mutable_fill()->add_events(event);
    stream_->Write(request);
  }
  void Done(bool remember = true) {
    v1::LookupRequest request;
    request.mutable_done()->set_remember(remember);
    request.mutable_done()->set_completion_tokens(3);
    stream_->Write(request);
  }
  void Failed(int code) {
    v1::LookupRequest request;
    request.mutable_failed()->set_code(code);
    stream_->Write(request);
  }

  // The next step; empty at the end.
  v1::LookupResponse Read() {
    v1::LookupResponse response;
    stream_->Read(&response);
    return response;
  }
  v1::Outcome Outcome() { return Read().outcome(); }
  // All events until the call ends or its outcome changes, which is put into `next`.
  std::vector<std::string> Events(v1::Outcome* next = nullptr) {
    std::vector<std::string> events;
    v1::LookupResponse response;
    while (stream_->Read(&response)) {
      events.insert(events.end(), response.events().begin(), response.events().end());
      if (response.outcome() != v1::OUTCOME_UNSPECIFIED && next != nullptr) {
        *next = response.outcome();
        break;
      }
    }
    return events;
  }
  // So many events.
  std::vector<std::string> Events(std::size_t count) {
    std::vector<std::string> events;
    v1::LookupResponse response;
    while (events.size() < count && stream_->Read(&response)) {
      events.insert(events.end(), response.events().begin(), response.events().end());
    }
    return events;
  }
  void Cancel() { context_.TryCancel(); }
  grpc::Status Finish() {
    stream_->WritesDone();
    v1::LookupResponse unread;
    while (stream_->Read(&unread)) {
    }
    return stream_->Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::LookupRequest, v1::LookupResponse>> stream_;
};

// A cache service in this process on a free port, and clients of it.
class CacheFixture : public ::testing::Test {
 protected:
  using Config = config::v1::CacheConfig;

  static Config TestConfig() {
    Config config = DefaultConfig();
    config.mutable_server()->set_listen_address("127.0.0.1:0");
    return config;
  }

  void Start(const Config& config = TestConfig()) {
    ASSERT_TRUE(Validate(config).empty());
    server_.reset();
    metrics_ = std::make_unique<observability::Metrics>("cache");
    server_ = std::make_unique<CacheServer>(config, *metrics_, observability::Logger());
    ASSERT_TRUE(server_->Start().ok());
    stub_ = v1::CacheService::NewStub(
        grpc::CreateChannel(server_->local_address(), grpc::InsecureChannelCredentials()));
  }

  static std::string Key(char c) { return std::string(32, c); }

  v1::GetStatsResponse Stats() {
    grpc::ClientContext context;
    v1::GetStatsResponse stats;
    EXPECT_TRUE(stub_->GetStats(&context, {}, &stats).ok());
    return stats;
  }

  v1::InvalidateResponse Invalidate(const v1::InvalidateRequest& request) {
    grpc::ClientContext context;
    v1::InvalidateResponse response;
    EXPECT_TRUE(stub_->Invalidate(&context, request, &response).ok());
    return response;
  }
  v1::InvalidateResponse InvalidateTag(const std::string& tag) {
    v1::InvalidateRequest request;
    request.add_tags(tag);
    return Invalidate(request);
  }

  // Has an answer of these events remembered.
  void Remember(const std::string& key, const std::vector<std::string>& events,
                const std::vector<std::string>& tags = {}) {
    LookupClient leader(*stub_);
    ASSERT_EQ(leader.Ask(key, v1::Ask::MODE_DEFAULT, tags).Outcome(), v1::OUTCOME_LEAD);
    for (const std::string& event : events) leader.Fill(event);
    leader.Done();
    leader.Read();
    ASSERT_TRUE(leader.Finish().ok());
  }

  std::unique_ptr<observability::Metrics> metrics_;
  std::unique_ptr<CacheServer> server_;
  std::unique_ptr<v1::CacheService::Stub> stub_;
};

}  // namespace chasqui::cache
