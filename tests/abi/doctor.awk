# Makes a header of another version from one of ours: every struct that begins with its size changes.
#   newer   has a member more at its end
#   broken  has one more before all others, as no version may ever have: so a test can be seen to fail
# Usage: awk -v how=newer -f doctor.awk include/infer.h
/^typedef struct infer_[a-z_]+ \{/ { sized = -1 }
{
    if (sized == 1 && how == "newer" && /^\} infer_[a-z_]+;/)
        print "    uint64_t newer; /* 0 */"
    if (sized == 1 && /^\} infer_[a-z_]+;/)
        sized = 0
    print
    if (sized == -1 && !/^typedef/) {
        sized = /^    size_t size;/ ? 1 : 0
        if (sized && how == "broken")
            print "    uint64_t broken;"
    }
}
