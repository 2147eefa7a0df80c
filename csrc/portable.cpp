// What a new compiler's C++ headers ask of the system and older systems lack, so that one library
// runs from glibc 2.28 and libstdc++ 8 on. Nobody else's calls end here: exports.map hides it.
#include <new>

#ifdef __GLIBCXX__
// libstdc++ has these, but some of their members from version 9 or 11 on only.
#undef _GLIBCXX_EXTERN_TEMPLATE
#define _GLIBCXX_EXTERN_TEMPLATE 0
#include <sstream>

template class std::basic_stringbuf<char>;
template class std::basic_ostringstream<char>;
template class std::basic_stringstream<char>;

// Of libstdc++ 11; allocators call it for sizes beyond any memory.
namespace std {
void __throw_bad_array_new_length() { throw bad_alloc(); }
}  // namespace std

// Of glibc 2.32: whether the program has one thread, when counts of references need not be atomic.
// "No" is always right.
extern "C" {
char __libc_single_threaded = 0;
}
#endif
