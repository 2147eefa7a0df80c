// Fibers of one thread: each runs until it waits for others at a barrier. A barrier costs
// nanoseconds, the order is the same every time, and one that not all reach is told instead of
// waited at. To ThreadSanitizer they are threads that only barriers order.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

#ifndef __x86_64__
#error "fibers change stacks in the assembler of x86-64"
#endif

// What a call preserves goes to the stack that is left, and comes from the one that is entered.
extern "C" void emulator_change_stack(void** left, void* entered);
asm(R"(
  .pushsection .text
  .weak emulator_change_stack
  .type emulator_change_stack, @function
emulator_change_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size emulator_change_stack, . - emulator_change_stack
  .popsection
)");

namespace emulator {

// The scheduler orders fibers as no program under test may: ThreadSanitizer shall not see it.
#define UNSEEN __attribute__((no_sanitize("thread"), noinline))

constexpr unsigned kMostFibers = 1024;
constexpr std::size_t kStackBytes = 256 * 1024, kSavedRegisters = 6;

struct Fiber {
  unsigned index = 0;
  void* stack_pointer = nullptr;
  Fiber* next = nullptr;  // of those that wait at the same place
  const void* stack = nullptr;
  std::size_t stack_bytes = 0;
  void* of_sanitizer = nullptr;
};

struct Line {
  Fiber *first = nullptr, *last = nullptr;

  UNSEEN void add(Fiber* fiber) {
    fiber->next = nullptr;
    (first ? last->next : first) = fiber;
    last = fiber;
  }
  UNSEEN Fiber* take() {
    Fiber* fiber = first;
    if (fiber) first = fiber->next;
    return fiber;
  }
};

inline Fiber fibers[kMostFibers], scheduler;
inline Fiber* running = nullptr;
inline Line ready;
inline unsigned ended = 0;
inline void (*body)(void*, unsigned) = nullptr;
inline void* closure = nullptr;
inline char beginning, end;  // places that ThreadSanitizer knows the order of a launch by

UNSEEN inline unsigned running_index() { return running->index; }

inline void release([[maybe_unused]] void* place) {
#ifdef __SANITIZE_THREAD__
  __tsan_release(place);
#endif
}
inline void acquire([[maybe_unused]] void* place) {
#ifdef __SANITIZE_THREAD__
  __tsan_acquire(place);
#endif
}

UNSEEN inline void change(Fiber& from, Fiber& to, [[maybe_unused]] bool for_ever = false) {
#ifdef __SANITIZE_THREAD__
  __tsan_switch_to_fiber(to.of_sanitizer, __tsan_switch_to_fiber_no_sync);
#endif
#ifdef __SANITIZE_ADDRESS__
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(for_ever ? nullptr : &fake_stack, to.stack, to.stack_bytes);
#endif
  running = &to;
  emulator_change_stack(&from.stack_pointer, to.stack_pointer);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
}

UNSEEN inline void enter() {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(nullptr, &scheduler.stack, &scheduler.stack_bytes);
#endif
  acquire(&beginning);
  body(closure, running->index);
  release(&end);
  ++ended;
  change(*running, scheduler, true);
}

UNSEEN inline void prepare(Fiber& fiber, unsigned index) {
  if (!fiber.stack) {
    fiber.index = index;
    fiber.stack_bytes = kStackBytes;
    fiber.stack = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (fiber.stack == MAP_FAILED) std::perror("a fiber's stack"), std::abort();
#ifdef __SANITIZE_THREAD__
    fiber.of_sanitizer = __tsan_create_fiber(0);
#endif
  }
  auto* top = static_cast<void**>(const_cast<void*>(fiber.stack)) + kStackBytes / sizeof(void*);
  *--top = nullptr;  // where `enter` would return to
  *--top = reinterpret_cast<void*>(&enter);
  fiber.stack_pointer = top - kSavedRegisters;
}

// Calls `call(closure, index)` for so many indices at a time, on a fiber each.
UNSEEN inline void run_fibers(unsigned count, void (*call)(void*, unsigned), void* with) {
#ifdef __SANITIZE_THREAD__
  scheduler.of_sanitizer = __tsan_get_current_fiber();
#endif
  body = call;
  closure = with;
  ended = 0;
  release(&beginning);
  for (unsigned index = 0; index < count; ++index) {
    prepare(fibers[index], index);
    ready.add(&fibers[index]);
  }
  while (Fiber* fiber = ready.take()) change(scheduler, *fiber);
  acquire(&end);
  if (ended == count) return;
  std::fprintf(stderr, "%u of %u threads wait at a barrier for ever\n", count - ended, count);
  std::abort();
}

class Barrier {
 public:
  explicit Barrier(unsigned count) : expected_(count) {}

  // Marks take turns: what comes before the next phase is not yet ordered before this one's end.
  UNSEEN void arrive_and_wait() {
    char* mark = &marks_[phase_ % 2];
    release(mark);
    if (++arrived_ == expected_) {
      complete();
    } else {
      waiting_.add(running);
      change(*running, scheduler);
    }
    acquire(mark);
  }

  UNSEEN void arrive_and_drop() {
    release(&marks_[phase_ % 2]);
    if (--expected_ == arrived_) complete();
  }

 private:
  UNSEEN void complete() {
    arrived_ = 0;
    ++phase_;
    while (Fiber* fiber = waiting_.take()) ready.add(fiber);
  }

  unsigned expected_, arrived_ = 0, phase_ = 0;
  Line waiting_;
  char marks_[2] = {};
};

#undef UNSEEN

}  // namespace emulator
