// SPDX-License-Identifier: MIT
// A profiler in miniature: NVTX loads it where NVTX_INJECTION64_PATH names it, and it keeps a list of
// what it is told. Linked to nothing of foldconv.
#include <nvtx3/nvToolsExt.h>

#include <mutex>
#include <string>
#include <vector>

namespace {

std::mutex mutex;
std::vector<std::string> events;  // "push domain: name", "pop domain"
std::vector<std::string> domains;

std::string name_of(nvtxDomainHandle_t domain) {
  const auto index = reinterpret_cast<std::uintptr_t>(domain);
  return index >= 1 && index <= domains.size() ? domains[index - 1] : "";
}

nvtxDomainHandle_t create_domain(const char* name) {
  const std::lock_guard lock(mutex);
  domains.emplace_back(name);
  return reinterpret_cast<nvtxDomainHandle_t>(domains.size());
}

int push(nvtxDomainHandle_t domain, const nvtxEventAttributes_t* attributes) {
  const std::lock_guard lock(mutex);
  events.push_back("push " + name_of(domain) + ": " + attributes->message.ascii);
  return 0;
}

int pop(nvtxDomainHandle_t domain) {
  const std::lock_guard lock(mutex);
  events.push_back("pop " + name_of(domain));
  return 0;
}

template <class Function>
void install(NvtxFunctionTable table, int index, Function* function) {
  *table[index] = reinterpret_cast<NvtxFunctionPointer>(function);
}

}  // namespace

extern "C" int InitializeInjectionNvtx2(NvtxGetExportTableFunc_t get_table) {
  const auto* callbacks =
      static_cast<const NvtxExportTableCallbacks*>(get_table(NVTX_ETID_CALLBACKS));
  if (callbacks == nullptr) return 0;
  NvtxFunctionTable table = nullptr;
  unsigned int size = 0;
  if (callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE2, &table, &size) == 0 ||
      size <= NVTX_CBID_CORE2_DomainCreateA) {
    return 0;
  }
  install(table, NVTX_CBID_CORE2_DomainCreateA, create_domain);
  install(table, NVTX_CBID_CORE2_DomainRangePushEx, push);
  install(table, NVTX_CBID_CORE2_DomainRangePop, pop);
  return 1;
}

// Calls receive(context, event) for each event so far, and forgets them.
extern "C" void nvtx_recorder_take(void (*receive)(void* context, const char* event),
                                   void* context) {
  const std::lock_guard lock(mutex);
  for (const std::string& event : events) receive(context, event.c_str());
  events.clear();
}
