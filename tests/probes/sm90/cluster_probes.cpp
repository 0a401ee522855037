// SPDX-License-Identifier: MIT
// Clusters: 64 words for each CTA (cluster.cu says what they are), and how large clusters get.
#include "probe/device.hpp"
#include "sm90/kernels.hpp"
#include "sm90/probes.hpp"

namespace foldconv::probes {
namespace {

struct Form {
  const char* name;
  ClusterProbe probe;
};
constexpr Form kForms[] = {{"read_remote", ClusterProbe::read_remote},
                           {"write_remote", ClusterProbe::write_remote},
                           {"atomics", ClusterProbe::atomics},
                           {"st_async", ClusterProbe::store_async},
                           {"st_async_v4", ClusterProbe::store_async_4},
                           {"arrive_remote", ClusterProbe::arrive_remote},
                           {"expect_remote", ClusterProbe::expect_remote},
                           {"bulk_to_cluster", ClusterProbe::bulk_to_cluster}};

Words run(ClusterProbe probe, const ClusterShape& shape, unsigned clusters) {
  const std::size_t ctas = std::size_t{shape.x} * shape.y * shape.z * clusters;
  const DeviceArray<std::uint32_t> out(ctas * kClusterWords);
  check_launch(launch_cluster(probe, shape, clusters, out.get()), "cluster");
  return out.download();
}

Result probe_ids(const ClusterShape& shape, unsigned clusters) {
  Result result;
  for (const Words all = run(ClusterProbe::ids, shape, clusters); const std::uint32_t word : all) {
    result.words.push_back(word);
  }
  // 15 of the words are in use; a block's place in the cluster follows from its place in the grid.
  Words expected;
  const unsigned width = shape.x * clusters;
  for (unsigned z = 0; z < shape.z; ++z) {
    for (unsigned y = 0; y < shape.y; ++y) {
      for (unsigned x = 0; x < width; ++x) {
        Words w = {(z * shape.y + y) * shape.x + x % shape.x,
                   shape.x * shape.y * shape.z,
                   x % shape.x,
                   y,
                   z,
                   shape.x,
                   shape.y,
                   shape.z,
                   x / shape.x,
                   0,
                   0,
                   clusters,
                   1,
                   1,
                   1};
        w.resize(kClusterWords);
        expected.insert(expected.end(), w.begin(), w.end());
      }
    }
  }
  result.expect(expected);
  return result;
}

// What lane `lane` of CTA `rank` sees, first and second word.
std::pair<std::uint32_t, std::uint32_t> expected_words(ClusterProbe probe, std::uint32_t rank,
                                                       std::uint32_t size, std::uint32_t lane) {
  const std::uint32_t before = (rank + size - 1) % size, next = (rank + 1) % size;
  const auto own = [](std::uint32_t cta, std::uint32_t index) { return 1000 * cta + index; };
  switch (probe) {
    case ClusterProbe::write_remote:
      return {7000 + 100 * before + lane, own(rank, 4 * lane + 1)};
    case ClusterProbe::atomics:
      return {own(rank, 4 * lane) + (rank == 0 ? size * (size + 1) / 2 : 0), 0};
    case ClusterProbe::store_async:
      return {9000 + 200 * before + 4 * lane, own(rank, 4 * lane + 3)};
    case ClusterProbe::store_async_4:
      return {9000 + 200 * before + 4 * lane, 9000 + 200 * before + 4 * lane + 3};
    case ClusterProbe::arrive_remote:
      return {0, 1};
    case ClusterProbe::expect_remote:
      return {5000 + 100 * before + lane, 0};
    case ClusterProbe::bulk_to_cluster:
      return {own(before, 2 * lane), own(before, 2 * lane + 1)};
    default:  // read_remote; how far apart the windows of CTAs lie is not documented
      return {own(next, 4 * lane), next};
  }
}

Result probe_remote(ClusterProbe probe, std::uint32_t size) {
  Result result;
  result.words = run(probe, {size, 1, 1}, 2);
  Words actual = result.words, expected;
  for (std::uint32_t cta = 0; cta < 2 * size; ++cta) {
    for (std::uint32_t lane = 0; lane < 32; ++lane) {
      expected.push_back(expected_words(probe, cta % size, size, lane).first);
    }
    for (std::uint32_t lane = 0; lane < 32; ++lane) {
      expected.push_back(expected_words(probe, cta % size, size, lane).second);
      if (probe == ClusterProbe::read_remote) actual[cta * kClusterWords + 32 + lane] &= 0xff;
    }
  }
  Result judged;
  judged.words = std::move(actual);
  judged.expect(expected);
  result.mismatches = judged.mismatches;
  return result;
}

// For each size: the launch's error code, and the occupancy query's; how many clusters fit belongs
// to the GPU at hand (some have fewer multiprocessors in a group), so it is a note.
Result probe_limits(int shared_bytes, bool non_portable) {
  Result result;
  const DeviceArray<std::uint32_t> out(64);
  int largest = 0;
  const cudaError_t status = potential_cluster_size(shared_bytes, non_portable, &largest);
  result.words = {static_cast<std::uint32_t>(status), static_cast<std::uint32_t>(largest)};
  cudaGetLastError();
  for (const int blocks : {1, 2, 4, 8, 12, 16, 32}) {
    const ClusterLimit limit = cluster_limit(blocks, shared_bytes, non_portable, out.get());
    result.words.push_back(static_cast<std::uint32_t>(limit.launch_status));
    result.words.push_back(static_cast<std::uint32_t>(limit.occupancy_status));
    result.notes.push_back(std::to_string(blocks) +
                           " CTAs: " + cudaGetErrorName(limit.launch_status) + "; " +
                           std::to_string(limit.active_clusters) + " clusters fit (" +
                           cudaGetErrorName(limit.occupancy_status) + ")");
  }
  return result;
}

}  // namespace

void add_cluster_probes(std::vector<Probe>& probes) {
  const auto add = [&](const std::string& name, std::function<Result()> probe) {
    probes.push_back({"cluster", "cluster_" + name, Kind::exact, Needs::sm90, std::move(probe)});
  };
  const std::pair<const char*, ClusterShape> shapes[] = {{"1", {1, 1, 1}},
                                                         {"2", {2, 1, 1}},
                                                         {"8", {8, 1, 1}},
                                                         {"2x2", {2, 2, 1}},
                                                         {"1x2x4", {1, 2, 4}}};
  for (const auto& [name, shape] : shapes) {
    add(std::string("ids_") + name, [shape = shape] { return probe_ids(shape, 3); });
  }
  for (const Form& form : kForms) {
    for (const std::uint32_t size : {2u, 4u, 8u}) {
      add(std::string(form.name) + "_" + std::to_string(size),
          [form, size] { return probe_remote(form.probe, size); });
    }
  }
  for (const int kilobytes : {0, 100, 227}) {
    const std::string name = "limits_" + std::to_string(kilobytes) + "_kb";
    add(name, [=] { return probe_limits(kilobytes * 1024, false); });
    add(name + "_non_portable", [=] { return probe_limits(kilobytes * 1024, true); });
  }
}

}  // namespace foldconv::probes
