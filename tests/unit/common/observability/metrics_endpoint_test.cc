// SPDX-License-Identifier: Apache-2.0
#include "common/observability/metrics_endpoint.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "common/time/clock.h"

namespace chasqui::observability {
namespace {

using ::absl_testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// The answer to GET /metrics, headers and all; empty when nobody answers.
std::string Scrape(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  constexpr std::string_view kRequest = "GET /metrics HTTP/1.0\r\n\r\n";
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      send(fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) > 0) {
    std::array<char, 4096> buffer;
    while (true) {
      const ssize_t count = recv(fd, buffer.data(), buffer.size(), 0);
      if (count <= 0) break;
      answer.append(buffer.data(), static_cast<std::size_t>(count));
    }
  }
  close(fd);
  return answer;
}

TEST(MetricsEndpoint, ServesWhatWasMeasured) {
  Metrics metrics("router");
  metrics.AddCounter("a_total", "Things.").Increment();

  const auto endpoint = MetricsEndpoint::Start("127.0.0.1:0", metrics);

  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  ASSERT_GT((*endpoint)->port(), 0);
  EXPECT_THAT(Scrape((*endpoint)->port()),
              AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("\na_total 1\n"),
                    HasSubstr("\nprocess_open_fds ")));
}

TEST(MetricsEndpoint, IsOffWithoutAnAddress) {
  const Metrics metrics("router");
  const auto endpoint = MetricsEndpoint::Start("", metrics);
  ASSERT_TRUE(endpoint.ok());
  EXPECT_EQ((*endpoint)->port(), 0);
}

TEST(MetricsEndpoint, ReportsAnAddressThatCannotBeHad) {
  const Metrics metrics("router");
  const auto first = MetricsEndpoint::Start("127.0.0.1:0", metrics);
  ASSERT_TRUE(first.ok());

  EXPECT_THAT(
      MetricsEndpoint::Start(absl::StrCat("127.0.0.1:", (*first)->port()), metrics).status(),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("cannot serve metrics on 127.0.0.1:")));
  EXPECT_THAT(MetricsEndpoint::Start("not an address", metrics).status(),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST(MetricsEndpoint, StopsAtOnceAfterAScrape) {
  const Metrics metrics("router");
  auto endpoint = MetricsEndpoint::Start("127.0.0.1:0", metrics);
  ASSERT_TRUE(endpoint.ok());
  Scrape((*endpoint)->port());

  const time::SteadyTime before = time::SteadyNow();
  endpoint->reset();

  EXPECT_LT(time::SteadyNow() - before, std::chrono::seconds(1));
}

TEST(MetricsEndpoint, OutlivesItsMetrics) {
  auto metrics = std::make_unique<Metrics>("router");
  metrics->AddCounter("a_total", "Things.").Increment();
  const auto endpoint = MetricsEndpoint::Start("127.0.0.1:0", *metrics);
  ASSERT_TRUE(endpoint.ok());

  metrics.reset();

  EXPECT_THAT(Scrape((*endpoint)->port()),
              AllOf(StartsWith("HTTP/1.1 200"), Not(HasSubstr("a_total"))));
}

}  // namespace
}  // namespace chasqui::observability
