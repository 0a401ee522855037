// SPDX-License-Identifier: MIT
// No exception crosses foldconv.h, and nothing is lost: every allocation and every CUDA call of a call is made to fail.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <link.h>
#include <unwind.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "c/run.hpp"
#include "c/small_network.hpp"
#include "host/failing_calls.hpp"

namespace {

thread_local int allocations_left = -1;  // below 0: no limit

// Addresses of the CUDA runtime's code.
struct CodeRange {
  std::uintptr_t begin = 0, end = 0;
};

CodeRange cuda_runtime_code() {
  Dl_info info = {};
  dladdr(reinterpret_cast<const void*>(dlsym(RTLD_DEFAULT, "cudaMalloc")), &info);
  CodeRange range = {reinterpret_cast<std::uintptr_t>(info.dli_fbase), 0};
  dl_iterate_phdr(
      [](dl_phdr_info* library, std::size_t, void* to) {
        CodeRange& found = *static_cast<CodeRange*>(to);
        if (library->dlpi_addr != found.begin) return 0;
        for (int i = 0; i < library->dlpi_phnum; ++i) {
          const auto& part = library->dlpi_phdr[i];
          if (part.p_type == PT_LOAD) found.end = found.begin + part.p_vaddr + part.p_memsz;
        }
        return 1;
      },
      &range);
  return range;
}

// The emulator's allocations are not the library's: a CUDA runtime that runs out of memory says so.
bool asked_by_cuda_runtime() {
  static const CodeRange code = cuda_runtime_code();
  bool found = false;
  _Unwind_Backtrace(
      [](_Unwind_Context* frame, void* to) {
        const std::uintptr_t at = _Unwind_GetIP(frame);
        if (at < code.begin || at >= code.end) return _URC_NO_REASON;
        *static_cast<bool*>(to) = true;
        return _URC_END_OF_STACK;
      },
      &found);
  return found;
}

// True where an allocation of the library's is to fail.
bool out_of_allocations() {
  if (allocations_left < 0 || asked_by_cuda_runtime()) return false;
  if (allocations_left == 0) return true;
  --allocations_left;
  return false;
}

}  // namespace

// The shared library's, too. Not inlined: the compiler would take a malloc()ed pointer in one place and delete in another
// for a mistake.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  if (out_of_allocations()) throw std::bad_alloc();
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace foldconv::c_tests {
namespace {

// Calls `body(object, error)` with 0, `step`, 2 * `step`, .. allocations granted until it makes its object.
template <class Owner, class Body>
Owner made_at_last(int step, Body body) {
  for (int granted = 0; granted < 100'000; granted += step) {
    typename Owner::pointer object = nullptr;
    fc_error error = untouched();
    allocations_left = granted;
    const fc_code code = body(&object, &error);
    allocations_left = -1;
    if (code != FC_OUT_OF_MEMORY) {
      EXPECT_EQ(code, FC_OK) << error.message;
      EXPECT_GT(granted, 0) << "the call allocates nothing: it tests nothing";
      return Owner(object);
    }
    EXPECT_EQ(object, nullptr);
    EXPECT_TRUE(std::string_view(error.message).starts_with("out of memory")) << error.message;
  }
  ADD_FAILURE() << "out of memory forever";
  return nullptr;
}

// The same of a call that makes none.
template <class Body>
void succeeds_at_last(Body body) {
  struct Nothing {
    void operator()(const char*) const {}
  };
  made_at_last<std::unique_ptr<const char, Nothing>>(
      1, [&](const char**, fc_error* error) { return body(error); });
}

TEST(CMemory, NoneOnTheHost) {
  const char* const file = small_resnet_file().c_str();
  const auto graph = made_at_last<OwnedGraph>(97, [&](fc_graph** object, fc_error* error) {
    return fc_resnet_read_file(file, nullptr, object, error);
  });
  const auto network = made_at_last<OwnedNetwork>(397, [&](fc_network** object, fc_error* error) {
    return fc_network_create(graph.get(), nullptr, object, error);
  });
  fc_plan_options shape = small_shape();
  shape.flags = FC_PLAN_KEEP_ALL;
  const auto plan = made_at_last<OwnedPlan>(197, [&](fc_plan** object, fc_error* error) {
    return fc_network_plan(network.get(), &shape, object, error);
  });

  char text[64];
  succeeds_at_last([&](fc_error* error) {
    return fc_network_explain(network.get(), text, sizeof text, nullptr, error);
  });
  succeeds_at_last([&](fc_error* error) {
    return fc_plan_explain(plan.get(), text, sizeof text, nullptr, error);
  });
  const Memory memory(plan.get(), random_images());
  const fc_buffers buffers = memory.buffers();
  const auto captured = made_at_last<OwnedCudaGraph>(1, [&](fc_cuda_graph** object, fc_error* e) {
    return fc_plan_capture(plan.get(), &buffers, object, e);
  });
  // Of a message there is not even the beginning.
  fc_error error = untouched();
  allocations_left = 0;
  const fc_code run = fc_plan_run(plan.get(), &buffers, nullptr, &error);
  const fc_code launched = fc_cuda_graph_launch(nullptr, nullptr, nullptr);
  allocations_left = -1;
  EXPECT_EQ(run, FC_OUT_OF_MEMORY);
  EXPECT_STREQ(error.message, "out of memory");
  EXPECT_EQ(launched, FC_OUT_OF_MEMORY);
}

TEST(CMemory, CudaCallsThatFail) {
  const auto graph = made<OwnedGraph>([](fc_graph** object, fc_error* error) {
    return fc_resnet_read_file(small_resnet_file().c_str(), nullptr, object, error);
  });
  const auto everything = [&] {
    fc_error error = untouched();
    const auto status = [&](fc_code code) { return Status(ErrorCode(code), error.message); };
    fc_network* network = nullptr;
    fc_code code = fc_network_create(graph.get(), nullptr, &network, &error);
    const OwnedNetwork owned_network(network);
    if (code != FC_OK) return status(code);
    const fc_plan_options shape = small_shape();
    fc_plan* plan = nullptr;
    code = fc_network_plan(network, &shape, &plan, &error);
    const OwnedPlan owned_plan(plan);
    return status(code);
  };
  EXPECT_GT(test::every_call_fails(everything, cudaErrorMemoryAllocation, ErrorCode::out_of_memory),
            20);
}

}  // namespace
}  // namespace foldconv::c_tests
