// What a new compiler's C++ headers ask of the system and older systems lack, so that one library
// runs from glibc 2.28 and libstdc++ 8 on. Nobody else's calls end here: exports.map hides it.
#include <new>
#include <sstream>

#ifdef __GLIBCXX__
// Members that libstdc++ has from version 9 or 11 on. No more than these: a second copy of the
// classes would bring facets of its own, with which streams print no number.
template std::basic_ostringstream<char>::basic_ostringstream();
template std::basic_stringstream<char>::basic_stringstream();
template std::string std::basic_stringbuf<char>::str() const&;
template std::string std::basic_stringbuf<char>::str() &&;

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
