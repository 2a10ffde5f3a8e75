// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>

#include <curl/curl.h>

#include "tests/bench/worker/load/stream_client.h"

namespace chasqui::bench {

// Streams by llama-server's POST /completion, each over a connection of its own.
class HttpStreamClient final : public StreamClient {
 public:
  // `target`: "host:port". Does not connect yet.
  explicit HttpStreamClient(const std::string& target);
  ~HttpStreamClient() override;

  void Start(const StreamRequest& request, StreamObserver& observer) override;
  void Run() override;

 private:
  class Call;

  void EndDone();

  const std::string url_;
  CURLM* const multi_;
  curl_slist* const headers_;
  std::map<Call*, std::unique_ptr<Call>> calls_;  // streams that have not ended
};

}  // namespace chasqui::bench
